import { expect } from 'vitest';

/** An expectation that may take its time: reads again and again until it holds, for ten seconds at most. */
export function eventually<Value>(read: () => Value | Promise<Value>): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(read, { timeout: 10_000, interval: 5 });
}
