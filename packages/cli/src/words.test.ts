import { expect, test } from 'vitest';
import { ago, columns, significant, span } from './words.ts';

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

test('columns are as wide as what is in them', () => {
  const rows = [
    ['name', 'size', ''],
    ['a', '10', 'x'],
  ];
  expect(columns(rows)).toBe('name  size\na       10  x\n');
});

test('of a figure three digits are told, and no zeros that mean nothing', () => {
  expect([0, 0.012345, 12.3, 999.6, 12_345_678, NaN].map((value) => significant(value))).toEqual([
    '0',
    '0.0123',
    '12.3',
    '1,000',
    '12,300,000',
    '–',
  ]);
});
