import type { Registration } from '@millrace/kernel/config/plan-types';
import { openSink, ScratchChannel, sinkContract } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { nullSink } from './spec.ts';

const registration: Registration = { spec: nullSink, module: new URL('./sink.js', import.meta.url) };

sinkContract(registration);

const bodies = (count: number) => Array.from({ length: count }, (_, at) => String(at));

test('says after the batch in which logEveryNEvents are reached, and at its end, how many were dropped in all', async () => {
  using channel = new ScratchChannel();
  await using sink = await openSink(registration, { logEveryNEvents: 10, batchSize: 4 }, channel);
  for (const count of [9, 1, 5, 25, 1]) await channel.put(...bodies(count));
  await sink.stop();
  const said = sink.log.lines.map(({ level, fields, message }) => `${level}: ${message} ${fields['events']}`);
  expect(said).toEqual([12, 20, 32, 40, 41].map((events) => `info: Null sink: dropped events. ${events}`));
});

test('takes at most batchSize events in one transaction', async () => {
  using channel = new ScratchChannel({ transactionCapacity: 1_000 });
  await channel.put(...bodies(1_000));
  // A line for each event would be said once for each transaction.
  await using sink = await openSink(registration, { batchSize: 30, logEveryNEvents: 1 }, channel);
  await sink.stop();
  expect(sink.log.lines.map(({ fields }) => fields['events'])).toEqual(
    Array.from({ length: 34 }, (_, at) => Math.min(30 * (at + 1), 1_000)),
  );
});

test('takes 100 events in one transaction when nothing is said', async () => {
  using channel = new ScratchChannel({ transactionCapacity: 1_000 });
  await channel.put(...bodies(250));
  await using sink = await openSink(registration, { logEveryNEvents: 1 }, channel);
  await sink.stop();
  expect(sink.log.lines.map(({ fields }) => fields['events'])).toEqual([100, 200, 250]);
});
