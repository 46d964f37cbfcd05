import { expect, test } from 'vitest';
import { Gathering } from './gathering.ts';

const AT_ONCE = { minEvents: 1, lingerMs: 0 };
const GATHERED = { minEvents: 100, lingerMs: 1 };

/** What the takes after each of these ask for: events, at milliseconds. */
function asked(...takes: readonly (readonly [events: number, atMs: number])[]) {
  const gathering = new Gathering(100);
  return takes.map(([events, atMs]) => {
    gathering.took(events, atMs);
    return gathering.next();
  });
}

test('the first event is taken at once, and so is one that comes a while after another', () => {
  expect(new Gathering(100).next()).toEqual(AT_ONCE);
  expect(asked([1, 0], [1, 1], [1, 2])).toEqual([AT_ONCE, AT_ONCE, AT_ONCE]);
});

test('events that come in quick succession are gathered, as long as that brings more of them', () => {
  expect(asked([1, 0], [1, 0.1], [9, 1.2], [7, 2.3], [3, 3.4], [1, 4.5])).toEqual([
    AT_ONCE,
    GATHERED,
    GATHERED,
    GATHERED,
    AT_ONCE,
    AT_ONCE,
  ]);
});

test('takes that are nearly full do not wait', () => {
  expect(asked([80, 0], [80, 0.1], [100, 0.2])).toEqual([AT_ONCE, AT_ONCE, AT_ONCE]);
});
