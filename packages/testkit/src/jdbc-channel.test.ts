import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { type Batch, BatchBuilder, newOwner } from '@millrace/channel-native';
import { type ChannelHost, connectChannel, type Lease } from '@millrace/kernel/channel';
import { create } from '@millrace/kernel/channels/jdbc/channel';
import type { Log } from '@millrace/kernel/component';
import { RequiredChannels } from '@millrace/kernel/runners/put';
import { expect, onTestFinished, test } from 'vitest';
import { channelContract } from './channel-contract.ts';
import { recordLog } from './log.ts';

function scratchFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-jdbc-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'db.sqlite');
}

interface Limits {
  readonly capacity?: number;
  readonly transactionCapacity?: number;
  readonly keepAliveSeconds?: number;
}

async function open(
  file: string,
  { capacity = 0, ...limits }: Limits = {},
  name = 'c1',
  log: Log = recordLog(),
): Promise<ChannelHost> {
  const driverUrl = { kind: 'sqlite', file, insteadOfDerby: false };
  const settings = { createSchema: true, maximumCapacity: capacity, transactionCapacity: 10_000, keepAliveSeconds: 0 };
  const config = { ...settings, driverUrl, ...limits };
  return create(config, { id: `a1.channels.${name}`, log });
}

channelContract('jdbc', (limits) => open(scratchFile(), limits), {
  full: 'Failed to persist event: Channel capacity reached: maxCapacity: 4, currentSize: 3',
  tooLarge: 'larger than transactionCapacity, which is 10',
});

const builder = new BatchBuilder();
function batchOf(...bodies: readonly string[]): Batch {
  for (const body of bodies) builder.append(body);
  return builder.finish();
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));
const bodiesOf = ({ batch }: Lease) => Array.from({ length: batch.length }, (_, at) => batch.bodyView(at).toString());
const connect = (channel: ChannelHost) => connectChannel(channel.address, newOwner());

test('events wait for the next agent, without what was committed, and with what was only taken', async () => {
  const file = scratchFile();
  const before = await open(file);
  const port = await connect(before);
  await port.tryPut(batchOf(...numbers(0, 100)));
  await port.tryPut(batchOf(...numbers(100, 110)));
  const [first, second, third] = [await port.tryTake(30), await port.tryTake(30), await port.tryTake(30)];
  await second!.commit();
  expect(await before.close()).toBe(0);
  // Closed, but with two takes that may still be finished.
  await third!.commit();
  first!.rollback();
  await before.close();

  const after = await open(file);
  onTestFinished(async () => void (await after.close()));
  expect(after.counters()).toMatchObject({ recovered: 50, queued: 50, put: 0 });
  const lease = await (await connect(after)).take({ max: 1_000, minEvents: 1, lingerMs: 0 });
  expect(bodiesOf(lease)).toEqual([...numbers(0, 30), ...numbers(90, 110)]);
  await lease.commit();
  expect(after.counters()).toMatchObject({ recovered: 50, committed: 50, queued: 0, leased: 0, queuedBytes: 0 });
});

test('a queue of more rows than are known at once is delivered in order', async () => {
  const file = scratchFile();
  const before = await open(file);
  const port = await connect(before);
  const total = 60_000;
  const puts: unknown[] = [];
  for (let number = 0; number < total; number += 1) puts.push(port.tryPut(batchOf(String(number))));
  await Promise.all(puts);
  const drain = async (channel: ChannelHost, events: number) => {
    const taker = await connect(channel);
    const bodies: string[] = [];
    while (bodies.length < events) {
      const lease = await taker.take({ max: 7_000, minEvents: 1, lingerMs: 0 });
      bodies.push(...bodiesOf(lease));
      await lease.commit();
    }
    return bodies;
  };
  expect(await drain(before, 14_000)).toEqual(numbers(0, 14_000));
  await before.close();
  const after = await open(file);
  expect(await drain(after, total - 14_000)).toEqual(numbers(14_000, total));
  expect(after.counters()).toMatchObject({ queued: 0, queuedBytes: 0 });
  await after.close();
}, 60_000);

test('channels of one database share its room, keep their events apart, and have both what a source puts into both', async () => {
  const file = scratchFile();
  const limits = { capacity: 6 };
  const [c1, c2] = [await open(file, limits, 'c1'), await open(file, limits, 'c2')];
  const [one, two] = [await connect(c1), await connect(c2)];
  const both = new RequiredChannels([one, two]);
  await both.put([batchOf('a'), batchOf('b')]);
  await one.tryPut(batchOf('c'));
  expect([one.free(), two.free()]).toEqual([1, 1]);
  expect(both.tryPut([batchOf('d')])).toBe(false);
  await expect(both.put([batchOf('d')])).rejects.toMatchObject({ code: 'MR_CHANNEL_FULL' });
  expect([one.free(), two.free()]).toEqual([1, 1]);
  const [mine, others] = [await one.tryTake(10), await two.tryTake(10)];
  expect([mine, others].map((lease) => bodiesOf(lease!))).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b'],
  ]);
  await mine!.commit();
  await c1.close();
  await others!.commit();
  expect(two.free()).toBe(6);
  await c2.close();
  const again = await open(file);
  expect(again.counters()).toMatchObject({ recovered: 0 });
  await again.close();
});

test('while somebody else has the database locked puts fail and sinks try again, and then all goes on', async () => {
  const file = scratchFile();
  const channel = await open(file);
  onTestFinished(async () => void (await channel.close()));
  const port = await connect(channel);
  await port.tryPut(batchOf('a', 'b'));
  const lease = await port.tryTake(1);
  const shell = new DatabaseSync(file);
  shell.exec('BEGIN IMMEDIATE');
  const refused = expect.objectContaining({
    code: 'MR_DATABASE',
    message: expect.stringMatching(
      /^(Failed to persist event|Unable to remove event): database is locked \(.*db\.sqlite\)$/,
    ),
  });
  await Promise.all([
    expect(port.tryPut(batchOf('c'))).rejects.toEqual(refused),
    expect(lease!.commit()).rejects.toEqual(refused),
  ]);
  shell.exec('ROLLBACK');
  shell.close();
  lease!.rollback();
  await port.tryPut(batchOf('d'));
  expect(bodiesOf((await port.tryTake(10))!)).toEqual(['a', 'b', 'd']);
  expect(channel.counters()).toMatchObject({ put: 3, leased: 3, reserved: 0, voided: 1, rolledBack: 1 });
}, 60_000);

test('a store that dies leaves nobody waiting, and the log says it', async () => {
  const stores: Worker[] = [];
  process.once('worker', (worker) => stores.push(worker));
  const log = recordLog();
  const channel = await open(scratchFile(), {}, 'c1', log);
  const port = await connect(channel);
  await port.tryPut(batchOf('a'));
  await (await port.tryTake(1))!.commit();
  const gone = expect.objectContaining({ code: 'MR_CHANNEL_CLOSED' });
  const taking = expect(port.take({ max: 1, minEvents: 1, lingerMs: 0 })).rejects.toEqual(gone);
  await stores[0]!.terminate();
  await taking;
  expect(log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    expect.stringContaining('The store of the database has died'),
  ]);
  expect(() => port.tryPut(batchOf('b'))).toThrow(gone);
  expect(channel.counters()).toMatchObject({ put: 1, committed: 1 });
  await channel.reclaim!(1);
  expect(await channel.close()).toBe(0);
});
