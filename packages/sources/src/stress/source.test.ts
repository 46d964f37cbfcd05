import type { Registration } from '@millrace/kernel/config/plan-types';
import { eventually, openSource, ScratchChannel } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { stress } from './spec.ts';

const registration: Registration = { spec: stress, module: new URL('./source.js', import.meta.url) };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('makes events of 500 bytes of 0x7F without headers, one in a transaction', async () => {
  using channel = new ScratchChannel({ capacity: 50 });
  await using source = await openSource(registration, { maxTotalEvents: 3 }, { required: [channel] });
  await eventually(() => channel.counters().put).toBe(3);
  await pause(30);
  await source.stop();
  expect(channel.take()).toEqual(Array(3).fill({ headers: {}, body: '\x7f'.repeat(500) }));
});

test('size may be anything, also 0', async () => {
  for (const size of [0, 1, 100_000]) {
    using channel = new ScratchChannel();
    await using source = await openSource(registration, { size, maxTotalEvents: 2 }, { required: [channel] });
    await eventually(() => channel.counters().put).toBe(2);
    await source.stop();
    expect(channel.takeBodies()).toEqual(Array(2).fill('\x7f'.repeat(size)));
  }
});

test('batchSize events make one transaction, and the last one has what is left of maxTotalEvents', async () => {
  using channel = new ScratchChannel({ capacity: 7, transactionCapacity: 7 });
  const settings = { batchSize: 7, maxTotalEvents: 25, backoffSleepIncrement: 1, maxBackoffSleep: 1 };
  const batches: number[] = [];
  await using source = await openSource(registration, settings, { required: [channel] });
  // The channel has room for one transaction; what is refused counts as tried.
  while ((source.figures()['received'] ?? 0) < 25) {
    await pause(2);
    const { length } = channel.takeBodies();
    if (length > 0) batches.push(length);
  }
  await source.stop();
  batches.push(...[channel.takeBodies().length].filter(Boolean));
  expect(batches.every((events) => events === 7 || events === 4)).toBe(true);
  const { received, accepted, rejected } = source.figures();
  expect(received).toBe(25);
  expect(accepted! + rejected!).toBe(25);
});

test('maxSuccessfulEvents counts only what was accepted, and is exceeded by the rest of a batch', async () => {
  using channel = new ScratchChannel({ capacity: 10, transactionCapacity: 10 });
  const settings = { batchSize: 4, maxSuccessfulEvents: 13, backoffSleepIncrement: 1, maxBackoffSleep: 1 };
  await using source = await openSource(registration, settings, { required: [channel] });
  await eventually(() => source.figures()['rejected']).toBeGreaterThan(8);
  const sink = setInterval(() => channel.takeBodies(), 5);
  await eventually(() => source.figures()['accepted']).toBe(16);
  await pause(50);
  clearInterval(sink);
  expect(source.figures()).toMatchObject({ accepted: 16 });
});

test('maxEventsPerSecond is kept to, over batches too', async () => {
  using channel = new ScratchChannel();
  const settings = { batchSize: 10, maxEventsPerSecond: 1_000, size: 1 };
  const began = performance.now();
  await using source = await openSource(registration, settings, { required: [channel] });
  await eventually(() => channel.counters().put).toBeGreaterThan(1_000);
  const { put } = channel.counters();
  expect(put - settings.batchSize).toBeLessThan(performance.now() - began);
  await source.stop();
});

test('a limit does not keep the source from stopping', async () => {
  using channel = new ScratchChannel();
  const settings = { batchSize: 100, maxEventsPerSecond: 1 };
  await using source = await openSource(registration, settings, { required: [channel] });
  await eventually(() => channel.counters().put).toBe(100);
  const began = performance.now();
  await source.stop();
  expect(performance.now() - began).toBeLessThan(10_000);
});
