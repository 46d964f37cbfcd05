import { expect as globalExpect } from 'vitest';

/**
 * An expectation that may take its time: reads again and again until it holds, for twenty seconds at most. Tests that run concurrently give the
 * `expect` of their own context.
 */
export function eventually<Value>(
  read: () => Value | Promise<Value>,
  expect: Pick<typeof globalExpect, 'poll'> = globalExpect,
): ReturnType<typeof globalExpect.poll<Value>> {
  return expect.poll(read, { timeout: 20_000, interval: 5 });
}
