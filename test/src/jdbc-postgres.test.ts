import { randomUUID } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import { BatchBuilder, type Headers, newOwner } from '@millrace/channel-native';
import { type ChannelHost, type ChannelPort, connectChannel, type Lease } from '@millrace/kernel/channel';
import { create } from '@millrace/kernel/channels/jdbc/channel';
import { channelContract, eventually, recordLog } from '@millrace/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pause } from './faults/agent.ts';
import { PostgresProxy } from './postgres/proxy.ts';
import { PostgresServer, whyNoPostgres } from './postgres/server.ts';

const why = whyNoPostgres();
if (why !== undefined) console.warn(`Skips the tests of PostgreSQL: ${why}.`);

const builder = new BatchBuilder();
type TestEvent = string | readonly [string, Headers];
function batchOf(...events: readonly TestEvent[]) {
  for (const event of events) {
    if (typeof event === 'string') builder.append(event);
    else builder.append(...event);
  }
  return builder.finish();
}
const bodiesOf = ({ batch }: Lease) => Array.from({ length: batch.length }, (_, at) => batch.bodyView(at).toString());
const connect = (channel: ChannelHost) => connectChannel(channel.address, newOwner());

/** Puts where there must be room. */
async function put(port: ChannelPort, ...events: readonly TestEvent[]): Promise<void> {
  const putting = port.tryPut(batchOf(...events));
  expect(putting).not.toBe(false);
  await putting;
}

function open(url: string, limits: object = {}, name: string = randomUUID()): Promise<ChannelHost> {
  const settings = { createSchema: true, maximumCapacity: 0, transactionCapacity: 10_000, keepAliveSeconds: 0 };
  const driverUrl = { kind: 'postgres', url };
  return Promise.resolve(
    create({ ...settings, driverUrl, ...limits }, { id: `a1.channels.${name}`, log: recordLog() }),
  );
}

describe.skipIf(why !== undefined)('with PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  /** The first column of what the server answers to somebody else. */
  async function ask(sql: string, ...values: unknown[]): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query({ text: sql, values, rowMode: 'array' })).rows;
    } finally {
      await client.end();
    }
  }

  channelContract('jdbc', ({ capacity, ...limits }) => open(server.url, { ...limits, maximumCapacity: capacity }), {
    full: 'Failed to persist event: Channel capacity reached: maxCapacity: 4, currentSize: 3',
    tooLarge: 'larger than transactionCapacity, which is 10',
  });

  test('events wait for the next agent, and anybody can see them, with headers and body', async () => {
    const name = randomUUID();
    const before = await open(server.url, {}, name);
    const port = await connect(before);
    const headers = { host: 'h1', '': '', long: 'ü'.repeat(5_000) };
    await put(port, 'zero', ['one', headers], 'two', 'three\0');
    await put(port, 'four');
    const [first, second] = [await port.tryTake(1), await port.tryTake(2)];
    await second!.commit();
    first!.rollback();
    expect(await before.close()).toBe(0);
    expect(await ask('SELECT batch::int, number, headers, body FROM flume.events WHERE channel = $1', name)).toEqual([
      [1, 0, {}, 'zero'],
      [1, 3, {}, 'three\\000'],
      [2, 0, {}, 'four'],
    ]);

    const after = await open(server.url, {}, name);
    expect(after.counters()).toMatchObject({ recovered: 3, queued: 3 });
    const lease = await (await connect(after)).tryTake(10);
    expect(bodiesOf(lease!)).toEqual(['zero', 'three\0', 'four']);
    await lease!.commit();
    expect(await ask('SELECT 1 FROM flume.batches WHERE channel = $1', name)).toEqual([]);
    await after.close();

    const again = await open(server.url, {}, name);
    await put(await connect(again), ['one', headers]);
    expect(await ask('SELECT headers FROM flume.events WHERE channel = $1', name)).toEqual([[headers]]);
    await again.close();
  });

  test('a channel that another agent has is refused by its name, until that agent is gone', async () => {
    const name = randomUUID();
    const mine = await open(server.url, {}, name);
    const other = `${server.url}?application_name=other`;
    const store = new Promise<Worker>((resolve) => process.once('worker', resolve));
    await expect(open(other, {}, name)).rejects.toThrow(`channel ${name} in postgresql://127.0.0.1`);
    // Nothing is left of the attempt.
    await eventually(async () => (await store).threadId).toBe(-1);
    await mine.close();
    await (await open(other, {}, name)).close();
  });

  test('a server that cannot be reached is named, without the password', async () => {
    const opening = open('postgresql://me:secret@127.0.0.1:1/flume');
    await expect(opening).rejects.toThrow('postgresql://127.0.0.1:1/flume cannot be used: connect ECONNREFUSED');
    await expect(opening).rejects.not.toThrow('secret');
  });

  test('a commit whose answer is lost has failed, though the server has done it: what was put is not there, what was taken is', async () => {
    await using proxy = await PostgresProxy.to(server.port);
    const name = randomUUID();
    const channel = await open(proxy.url, {}, name);
    const port = await connect(channel);
    const seen = () => ask('SELECT body FROM flume.events WHERE channel = $1', name);
    /** Does something until the server is there again. */
    const again = (act: () => Promise<unknown>) => eventually(() => act().then(() => 'done')).toBe('done');
    await put(port, 'a', 'b', 'c');

    proxy.losing = 1;
    await expect(put(port, 'lost')).rejects.toMatchObject({ code: 'MR_DATABASE' });
    expect(await seen()).toEqual([['a'], ['b'], ['c'], ['lost']]);
    await again(() => put(port, 'd'));
    expect(await seen()).toEqual([['a'], ['b'], ['c'], ['d']]);

    const lease = (await port.tryTake(2))!;
    proxy.losing = 1;
    await expect(lease.commit()).rejects.toMatchObject({ code: 'MR_DATABASE' });
    expect(await seen()).toEqual([['c'], ['d']]);
    lease.rollback();
    await again(() => put(port, 'e'));
    expect(await seen()).toEqual([['a'], ['b'], ['c'], ['d'], ['e']]);

    // A whole row that is gone cannot be brought back; it was delivered, and counts as that.
    const whole = (await port.tryTake(4))!;
    proxy.losing = 1;
    await expect(whole.commit()).rejects.toMatchObject({ code: 'MR_DATABASE' });
    whole.rollback();
    await again(() => put(port, 'f'));
    const rest: string[] = [];
    for (let next = await port.tryTake(2); next !== undefined; next = await port.tryTake(2)) {
      rest.push(...bodiesOf(next));
      await next.commit();
    }
    expect(rest.slice(-2)).toEqual(['e', 'f']);
    expect(await seen()).toEqual([]);
    expect(channel.counters()).toMatchObject({ put: 6, committed: 6, queued: 0, leased: 0, reserved: 0, voided: 1 });
    await channel.close();
  }, 40_000);

  test('a server killed again and again under load: nothing acknowledged is lost, nothing committed comes again, and it goes on', async () => {
    const name = randomUUID();
    const channel = await open(server.url, {}, name);
    const [putter, taker] = [await connect(channel), await connect(channel)];
    const over = new AbortController();
    const accepted = new Set<string>();
    const committed: string[] = [];
    const doubtful = new Set<string>();
    let failures = 0;

    async function putting(client: number): Promise<void> {
      for (let number = 0; !over.signal.aborted; number += 1) {
        const bodies = [0, 1, 2].map((at) => `${client}.${number}.${at}`);
        try {
          await put(putter, ...bodies);
          for (const body of bodies) accepted.add(body);
        } catch {
          failures += 1;
          await pause(5);
        }
      }
    }
    async function taking(): Promise<void> {
      while (!over.signal.aborted) {
        let bodies: string[] = [];
        try {
          using lease = await taker.take({ max: 4, minEvents: 1, lingerMs: 0, signal: over.signal });
          bodies = bodiesOf(lease);
          await lease.commit();
          committed.push(...bodies);
        } catch {
          for (const body of bodies) doubtful.add(body);
          await pause(5);
        }
      }
    }
    const working = [putting(0), putting(1), putting(2), putting(3), taking(), taking()];
    for (let kill = 0; kill < 8; kill += 1) {
      await pause(150 + Math.random() * 250);
      await server.kill();
      await server.start();
    }
    await pause(1_500);
    over.abort();
    await Promise.all(working);

    const left: string[] = [];
    const { queued, leased, put: counted } = channel.counters();
    expect(leased).toBe(0);
    expect(await ask('SELECT count(*)::int FROM flume.events WHERE channel = $1', name)).toEqual([[queued]]);
    for (let lease = await taker.tryTake(100); lease !== undefined; lease = await taker.tryTake(100)) {
      left.push(...bodiesOf(lease));
      await lease.commit();
    }
    const all = [...committed, ...left];
    expect(failures).toBeGreaterThan(0);
    expect(accepted.size).toBeGreaterThan(500);
    expect([...accepted].filter((body) => !all.includes(body) && !doubtful.has(body))).toEqual([]);
    // What was refused has not come in by another door.
    expect(all.filter((body) => !accepted.has(body))).toEqual([]);
    expect(new Set(all).size).toBe(all.length);
    expect(counted).toBe(accepted.size);
    expect(channel.counters()).toMatchObject({ committed: counted, queued: 0, reserved: 0 });
    await channel.close();
  }, 90_000);
});
