import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { addon } from './addon.ts';
import {
  type Batch,
  BatchBuilder,
  bodySlots,
  ChannelPort,
  type Lease,
  MemoryChannel,
  type MemoryChannelOptions,
  newOwner,
  Owner,
  reclaimOwner,
} from './index.ts';

const opened: Disposable[] = [];
afterEach(() => {
  for (const it of opened.splice(0).reverse()) it[Symbol.dispose]();
});

function open(options: Partial<MemoryChannelOptions> = {}) {
  const channel = new MemoryChannel({ capacity: 100, transactionCapacity: 10, keepAliveMs: 50, ...options });
  const owner = new Owner();
  opened.push(channel, owner);
  return { channel, owner, port: new ChannelPort(channel.address, owner) };
}

const builder = new BatchBuilder();

function batchOf(...bodies: (string | number)[]): Batch {
  for (const body of bodies) builder.append(String(body));
  return builder.finish();
}

const textsOf = ({ batch }: Lease) =>
  Array.from({ length: batch.length }, (_, index) => batch.bodyView(index).toString());

type Step =
  | { readonly do: 'put'; readonly events: number }
  | { readonly do: 'take'; readonly max: number }
  | { readonly do: 'commit' | 'rollback'; readonly nth: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('put' as const), events: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ do: fc.constant('take' as const), max: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ do: fc.constantFrom('commit' as const, 'rollback' as const), nth: fc.nat(5) }),
);

test('a channel does what a list would', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { channel, port } = open({ capacity: 30 });
      let next = 0;
      let queued: number[] = [];
      const leases: { lease: Lease; numbers: number[] }[] = [];
      const counts = { put: 0, committed: 0, rolledBack: 0 };

      for (const it of steps) {
        if (it.do === 'put') {
          const numbers = Array.from({ length: it.events }, () => next++);
          const leased = leases.reduce((sum, { numbers: held }) => sum + held.length, 0);
          const fits = queued.length + leased + it.events <= 30;
          expect(port.tryPut(batchOf(...numbers))).toBe(fits);
          if (fits) queued.push(...numbers);
          if (fits) counts.put += it.events;
        } else if (it.do === 'take') {
          const lease = port.tryTake(it.max);
          expect(lease !== undefined).toBe(queued.length > 0);
          if (lease === undefined) continue;
          const numbers = textsOf(lease).map(Number);
          expect(numbers.length).toBeLessThanOrEqual(it.max);
          expect(numbers).toEqual(queued.slice(0, numbers.length));
          queued = queued.slice(numbers.length);
          leases.push({ lease, numbers });
        } else if (leases.length > 0) {
          const [{ lease, numbers }] = leases.splice(it.nth % leases.length, 1) as [(typeof leases)[0]];
          lease[it.do]();
          if (it.do === 'commit') counts.committed += numbers.length;
          else {
            counts.rolledBack += numbers.length;
            queued = [...queued, ...numbers].sort((a, b) => a - b);
          }
        }
        const leased = leases.reduce((sum, { numbers }) => sum + numbers.length, 0);
        expect(channel.counters()).toMatchObject({ ...counts, queued: queued.length, leased });
      }
    }),
  );
});

test('a take waits until a put comes, and the wait can be given up', async () => {
  const { port } = open();
  const taking = port.take({ max: 5 });
  const given = new AbortController();
  const other = port.take({ signal: given.signal });
  given.abort();
  await expect(other).rejects.toMatchObject({ code: 'MR_CHANNEL_CANCELLED' });
  await port.put(batchOf('a', 'b'));
  using lease = await taking;
  expect(textsOf(lease)).toEqual(['a', 'b']);
});

test('a signal that has aborted before ends the wait too', async () => {
  const { port } = open();
  await expect(port.take({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'MR_CHANNEL_CANCELLED' });
});

test('a take gathers for its linger and no longer', async () => {
  const { port } = open();
  const gathering = port.take({ max: 10, minEvents: 10, lingerMs: 150 });
  await port.put(batchOf('a'));
  await port.put(batchOf('b'));
  const started = performance.now();
  using lease = await gathering;
  expect(textsOf(lease)).toEqual(['a', 'b']);
  expect(performance.now() - started).toBeGreaterThan(100);
});

test('a put into a full channel waits for room, and is told in Flume’s words when none comes', async () => {
  const { channel, port } = open({ capacity: 10 });
  await port.put(batchOf(...Array(10).keys()));
  await expect(port.put(batchOf('late'))).rejects.toMatchObject({
    code: 'MR_CHANNEL_FULL',
    message:
      "Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with sources, or the buffer size is too tight",
  });
  const waiting = port.put(batchOf('patient'), { waitMs: 5_000 });
  (await port.take({ max: 1 })).commit();
  await waiting;
  expect(channel.counters()).toMatchObject({ queued: 10, refused: 1 });
});

test('a full channel of bytes says so as Flume does', async () => {
  const { port } = open({ byteCapacity: 1_000 });
  await port.put(batchOf('x'.repeat(500)));
  await expect(port.put(batchOf('x'.repeat(400)))).rejects.toThrow('allocated to store event body 800.0reached.');
});

test('what can never fit is refused at once', async () => {
  const { port } = open({ keepAliveMs: 60_000 });
  await expect(port.put(batchOf(...Array(11).keys()))).rejects.toMatchObject({
    code: 'MR_CHANNEL_TOO_LARGE',
    message: expect.stringContaining('Put queue for MemoryTransaction of capacity 10 full'),
  });
});

test('the slots of bodies are counted in Flume’s arithmetic', () => {
  expect(bodySlots(1_000, 20)).toBe(8);
  expect(bodySlots(1_000, 90)).toBe(2 ** 31 - 1);
  expect(bodySlots(100, 20)).toBe(2 ** 31 - 1);
});

test('a byteCapacity beyond the memory is cut to what can be had', () => {
  const { port } = open({ byteCapacity: 1e15 });
  expect(port.tryPut(batchOf('a'))).toBe(true);
  expect(() => open({ capacity: -1 })).toThrow('capacity must be a whole number from 1 to 2147483647, not -1.');
});

test('closing ends every wait', async () => {
  const { channel, port } = open({ capacity: 10 });
  const taking = port.take({ minEvents: 10, max: 10, lingerMs: -1 });
  channel.close();
  await expect(taking).rejects.toMatchObject({ code: 'MR_CHANNEL_CLOSED' });
  expect(() => port.tryPut(batchOf('late'))).toThrow(expect.objectContaining({ code: 'MR_CHANNEL_CLOSED' }));
  opened.splice(0, 1);
});

test('leaving a scope gives back what was not committed', async () => {
  const { channel, port } = open();
  await port.put(batchOf('a'));
  {
    using _lease = await port.take();
    using reservation = await port.reserve({ events: 1, bytes: 10, slots: 1 });
    reservation.fill(batchOf('b'));
  }
  expect(channel.counters()).toMatchObject({ queued: 1, leased: 0, reserved: 0, rolledBack: 1, voided: 1 });
});

test('a worker that dies gives back what it had taken, and only once it has ended', async () => {
  const { channel, port } = open();
  await port.put(batchOf('a', 'b'));
  const owner = newOwner();
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     import(workerData.module).then(({ Owner, ChannelPort }) => {
       const port = new ChannelPort(workerData.address, new Owner(workerData.owner));
       const lease = port.tryTake(10);
       port.take({ minEvents: 5 });
       parentPort.postMessage(lease.batch.length);
       for (;;);
     });`,
    {
      eval: true,
      workerData: { module: new URL('./index.js', import.meta.url).href, address: channel.address, owner },
    },
  );
  expect(await once(worker, 'message')).toEqual([2]);
  await worker.terminate();
  expect(channel.counters()).toMatchObject({ leased: 2, queued: 0 });
  reclaimOwner(owner);
  expect(channel.counters()).toMatchObject({ leased: 0, queued: 2, reclaimed: 2 });
  const dead = () => addon.take(channel.address.id, owner, 0, 1, 1, 0, false);
  expect(dead).toThrow(expect.objectContaining({ code: 'MR_CHANNEL_STALE' }));
  using lease = await port.take();
  expect(textsOf(lease)).toEqual(['a', 'b']);
});
