import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Backoff, pause, unlessAborted } from './backoff.ts';

test('pauses double up to their limit, and begin again after a healthy run', () => {
  const backoff = new Backoff({ firstMs: 100, maxMs: 500, healthyMs: 60_000 });
  expect([0, 59_999, 0, 0].map((ranMs) => backoff.pauseMs(ranMs))).toEqual([100, 200, 400, 500]);
  expect([60_000, 0].map((ranMs) => backoff.pauseMs(ranMs))).toEqual([100, 200]);
});

test('an abort ends a pause, and one that came before leaves none', async () => {
  const began = performance.now();
  await pause(10_000, AbortSignal.timeout(20));
  await pause(10_000, AbortSignal.abort());
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('who waits unless aborted waits no longer, and leaves nothing at the signal', async () => {
  const aborting = new AbortController();
  await unlessAborted(aborting.signal, Promise.resolve());
  await expect(unlessAborted(aborting.signal, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(getEventListeners(aborting.signal, 'abort')).toEqual([]);
  setTimeout(() => aborting.abort(), 10);
  await unlessAborted(aborting.signal, new Promise(() => {}));
  await unlessAborted(aborting.signal, new Promise(() => {}));
});
