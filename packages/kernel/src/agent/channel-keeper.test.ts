import { expect, onTestFinished, test, vi } from 'vitest';
import { memoryLog } from '../fixtures/memory-log.ts';
import { channelPlan } from '../fixtures/plan.ts';
import { ChannelKeeper, TRIM_MS } from './channel-keeper.ts';

async function openKeeper(config: Readonly<Record<string, unknown>>) {
  const log = memoryLog();
  const keeper = new ChannelKeeper(channelPlan('c1', config), { log, retryMs: 10 });
  await keeper.tried;
  return { keeper, log };
}

test('a channel whose engine is broken still closes, and does not know what was lost', async () => {
  const { keeper, log } = await openKeeper({ broken: true });
  expect(keeper.status()).toMatchObject({ open: true, counters: {} });
  expect(await keeper.close()).toBeUndefined();
  expect(keeper.status()).toMatchObject({ open: false });
  expect(log.lines.filter((line) => !line.includes('figures'))).toEqual(['a1.channels.c1: Did not close cleanly.']);
});

test('a channel that cannot give memory back is not asked again, and nothing else ends', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { keeper, log } = await openKeeper({ broken: true });
  vi.advanceTimersByTime(3 * TRIM_MS);
  expect(log.lines).toEqual(['a1.channels.c1: Could not give back memory, and will not try again.']);
  await keeper.close();
});
