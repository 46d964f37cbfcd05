import { BatchBuilder } from '@millrace/channel-native';
import type { SourceContext } from '@millrace/kernel/component';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { configOf, eventually, openSource, ScratchChannel, watchHandles } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { open } from './source.ts';
import { seq } from './spec.ts';

const registration: Registration = { spec: seq, module: new URL('./source.js', import.meta.url) };

const counted = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));

test('counts up from 0 in decimal, one event in a transaction, without headers', async () => {
  using channel = new ScratchChannel({ capacity: 100 });
  await using source = await openSource(registration, {}, { required: [channel] });
  await eventually(() => channel.counters().queued).toBe(100);
  await source.stop();
  expect(channel.take()).toEqual(counted(0, 100).map((body) => ({ headers: {}, body })));
});

test('batchSize events make one transaction, and the last one has what is left of totalEvents', async () => {
  using channel = new ScratchChannel({ capacity: 7, transactionCapacity: 7 });
  const batches: string[][] = [];
  await using source = await openSource(registration, { batchSize: 7, totalEvents: 25 }, { required: [channel] });
  while (batches.flat().length < 25) {
    const taken = channel.takeBodies();
    if (taken.length > 0) batches.push(taken);
    await new Promise(setImmediate);
  }
  // The channel has room for one transaction, so what is in it is one.
  expect(batches).toEqual([counted(0, 7), counted(7, 14), counted(14, 21), counted(21, 25)]);
  await source.stop();
  expect(source.figures()).toMatchObject({ accepted: 25 });
});

test('makes no more than totalEvents, also when that is 0', async () => {
  for (const totalEvents of [0, 5]) {
    using channel = new ScratchChannel();
    await using source = await openSource(registration, { totalEvents }, { required: [channel] });
    await eventually(() => channel.counters().put).toBe(totalEvents);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await source.stop();
    expect(channel.takeBodies()).toEqual(counted(0, totalEvents));
  }
});

test('makes a batch that was refused again with the same numbers, without a pause', async () => {
  using channel = new ScratchChannel({ capacity: 5, transactionCapacity: 5 });
  await using source = await openSource(registration, { batchSize: 3, totalEvents: 30 }, { required: [channel] });
  await eventually(() => source.figures()['rejected']).toBeGreaterThan(9);
  const taken: string[] = [];
  while (taken.length < 30) {
    taken.push(...channel.takeBodies());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await source.stop();
  expect(taken).toEqual(counted(0, 30));
  const { received, accepted, rejected } = source.figures();
  expect(received).toBe(accepted! + rejected!);
});

test('backs off once all is made, by backoffSleepIncrement and maxBackoffSleep', async () => {
  using channel = new ScratchChannel();
  const settings = { totalEvents: 1, backoffSleepIncrement: 100, maxBackoffSleep: 150 };
  const source = await open({
    config: configOf(seq, settings),
    metrics: { batches: { add: (_batches: number) => {} } },
    builder: new BatchBuilder(),
    emit: (batch) => channel.port.put(batch),
  } as SourceContext<typeof seq>);
  expect(source.backoff).toEqual({ incrementMs: 100, maxMs: 150 });
  expect([await source.poll(), await source.poll(), await source.poll()]).toEqual(['ready', 'backoff', 'backoff']);
  expect(channel.takeBodies()).toEqual(['0']);
});

test('stops in the middle of its work, and closes every handle', async () => {
  const atRest = watchHandles();
  {
    using channel = new ScratchChannel({ capacity: 1_000_000 });
    await using source = await openSource(registration, { batchSize: 10 }, { required: [channel] });
    await eventually(() => channel.counters().put).toBeGreaterThan(100);
    await source.stop();
    const { put } = channel.counters();
    expect(source.figures()).toMatchObject({ received: put, accepted: put });
  }
  await atRest();
});
