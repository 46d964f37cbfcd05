import { expect, test } from 'vitest';
import { formatDate } from './date-format.ts';

const afternoon = new Date(2026, 1, 3, 16, 5, 9, 42); // a Tuesday

test.each([
  ['yyyy-MM-dd HH:mm:ss.SSS', '2026-02-03 16:05:09.042'],
  ['y yy yyyyy', '2026 26 02026'],
  ['M MM MMM MMMM', '2 02 Feb February'],
  ['E EEE EEEE u', 'Tue Tue Tuesday 2'],
  ['D DDD F', '34 034 1'],
  ['w W YYYY', '6 1 2026'],
  ['H k K h a', '16 16 4 4 PM'],
  ['d/M S', '3/2 42'],
  ["yyyy'y'MM 'o''clock' ''", "2026y02 o'clock '"],
  ['', ''],
])('%s gives %s', (pattern, text) => expect(formatDate(pattern, afternoon)).toBe(text));

test('hours of midnight and noon are Java’s', () => {
  expect(formatDate('H k K h a', new Date(2026, 0, 1, 0))).toBe('0 24 0 12 AM');
  expect(formatDate('H k K h a', new Date(2026, 0, 1, 12))).toBe('12 12 0 12 PM');
});

test('the week of the first of January is the first, and may belong to the next year', () => {
  expect(formatDate('YYYY-ww', new Date(2026, 11, 31))).toBe('2027-01');
  expect(formatDate('YYYY-ww', new Date(2026, 0, 1))).toBe('2026-01');
  expect(formatDate('YYYY-ww', new Date(2026, 11, 26))).toBe('2026-52');
  expect(formatDate('W', new Date(2026, 1, 28))).toBe('4');
  expect(formatDate('DDD', new Date(2028, 11, 31))).toBe('366');
});

test('zones are those of this process', () => {
  const zone = process.env['TZ'];
  try {
    process.env['TZ'] = 'Asia/Kolkata';
    expect(formatDate('Z X XX XXX', afternoon)).toBe('+0530 +05 +0530 +05:30');
    process.env['TZ'] = 'America/New_York';
    expect(formatDate('Z X XXX z zzzz', afternoon)).toBe('-0500 -05 -05:00 EST Eastern Standard Time');
    process.env['TZ'] = 'UTC';
    expect(formatDate('Z X XXX z', afternoon)).toBe('+0000 Z Z UTC');
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test.each(['q', 'yyyy-b', "'open", 'XXXX'])('a pattern Java refuses has no answer: %s', (pattern) => {
  expect(formatDate(pattern, afternoon)).toBeUndefined();
});
