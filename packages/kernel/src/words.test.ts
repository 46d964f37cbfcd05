import { expect, test } from 'vitest';
import { bytesText, count, eventsText } from './words.ts';

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

test('one is one and others are many, in thousands that are kept apart', () => {
  expect([0, 1, 12_345].map((number) => count(number, 'event'))).toEqual(['0 events', '1 event', '12,345 events']);
});

test('events that nobody could count are told as such', () => {
  expect([0, undefined, null].map(eventsText)).toEqual([
    '0 events',
    'an unknown number of events',
    'an unknown number of events',
  ]);
});
