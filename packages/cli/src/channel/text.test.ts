import { expect, test } from 'vitest';
import { ago, bytesText, columns, count, span } from './text.ts';

test.for([
  [0, '0 B'],
  [1_023, '1020 B'],
  [1_024, '1 KiB'],
  [1_500_000, '1.43 MiB'],
  [5 * 2 ** 40, '5 TiB'],
  [2 ** 53, '8190 TiB'],
] as const)('%i bytes are %s', ([bytes, text]) => {
  expect(bytesText(bytes)).toBe(text);
});

test.for([
  [-5_000, 'in the future, by this host’s clock'],
  [999, 'just now'],
  [59_000, '59 s ago'],
  [3_600_000, '1 h ago'],
  [3_725_000, '1 h 2 min ago'],
  [90_061_000, '1 d 1 h ago'],
] as const)('%i ms are told as %s', ([ms, text]) => {
  expect(ago(1e12, 1e12 + ms)).toBe(text);
});

test('a length of time has two units at most', () => {
  expect([0, 999, 3_000, 3_725_000].map(span)).toEqual(['0 s', '0 s', '3 s', '1 h 2 min']);
});

test('one is one and others are many, in thousands that are kept apart', () => {
  expect([0, 1, 12_345].map((number) => count(number, 'event'))).toEqual(['0 events', '1 event', '12,345 events']);
});

test('columns are as wide as what is in them', () => {
  const rows = [
    ['name', 'size', ''],
    ['a', '10', 'x'],
  ];
  expect(columns(rows)).toBe('name  size\na       10  x\n');
});
