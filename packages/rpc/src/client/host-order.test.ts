import { expect, test } from 'vitest';
import { type BalanceOptions, HostOrder } from './host-order.ts';

/** An order over three hosts, and a clock that the test sets. */
function stage(options: BalanceOptions) {
  const clock = { ms: 10_000_000 };
  return { clock, order: new HostOrder(['a', 'b', 'c'], options, () => clock.ms) };
}

/** How long a host is left out after it has failed now, in milliseconds; afterwards it is not any more. */
function leftOutMs({ clock, order }: ReturnType<typeof stage>): number {
  const failedMs = clock.ms;
  order.failed('a');
  while (!order.next().includes('a')) clock.ms += 500;
  return clock.ms - failedMs - 500;
}

test('the order begins one further each time', () => {
  const { order } = stage({});
  expect([1, 2, 3, 4].map(() => order.next().join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
});

test('at random every order comes, and all hosts are in it', () => {
  const { order } = stage({ hostSelector: 'random' });
  const orders = new Set(Array.from({ length: 500 }, () => order.next().join('')));
  expect([...orders].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
});

test('a host that fails is left out for 2 s, then twice as long each time, up to the limit', () => {
  const stand = stage({ backoff: true });
  expect([1, 2, 3, 4, 5, 6].map(() => leftOutMs(stand))).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  const limited = stage({ backoff: true, maxBackoffMs: 3_000 });
  expect([1, 2].map(() => leftOutMs(limited))).toEqual([2_000, 3_000]);
});

test('an hour without a failure makes it as if there had been none', () => {
  const stand = stage({ backoff: true });
  for (const _ of [1, 2, 3]) leftOutMs(stand);
  stand.clock.ms += 3_600_000 - 1_000;
  expect(leftOutMs(stand)).toBe(16_000);
  stand.clock.ms += 3_600_000 + 1_000;
  expect(leftOutMs(stand)).toBe(2_000);
});

test('without backoff nobody is left out, and with it there may be nobody', () => {
  for (const backoff of [false, true]) {
    const { order } = stage({ backoff });
    for (const host of ['a', 'b', 'c']) order.failed(host);
    expect(order.next()).toHaveLength(backoff ? 0 : 3);
  }
});
