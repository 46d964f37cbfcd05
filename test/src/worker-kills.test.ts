import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ChannelPort, MemoryChannel, newOwner, Owner, reclaimOwner } from '@millrace/channel-native';
import { expect, test } from 'vitest';
import type { CounterBirth } from './kills/counter.ts';
import { COMMITTED, COMMITTING, EVENTS_PER_PUT, type KillBirth, Ledger, numberOf, UNKNOWN } from './kills/ledger.ts';

const KILLS = 1_000;
const COUNTER = new URL('./kills/counter.js', import.meta.url);
const MODULES = {
  putter: new URL('./kills/putter.js', import.meta.url),
  taker: new URL('./kills/taker.js', import.meta.url),
};

test('a thousand workers killed in the middle of copies and open transactions: nothing acknowledged is lost, nothing committed comes again', async () => {
  using channel = new MemoryChannel({
    capacity: 1_000,
    transactionCapacity: 50,
    keepAliveMs: 60_000,
    byteCapacity: 128 << 20,
  });
  const ledger = new Ledger();
  let killed = 0;

  const expectLaw = () => {
    const { put, committed, queued, leased } = channel.counters();
    expect(put).toBe(committed + queued + leased);
  };

  /** One worker after the other, each killed at some moment of its work. */
  async function killAgainAndAgain(module: URL): Promise<void> {
    while (killed < KILLS) {
      const owner = newOwner();
      const workerData: KillBirth = { address: channel.address, owner, ledger: ledger.memory };
      const worker = new Worker(module, { workerData });
      const exited = once(worker, 'exit');
      await once(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      // What ended by itself was not killed.
      expect(worker.threadId).toBeGreaterThan(0);
      worker.terminate();
      expectLaw();
      await exited;
      reclaimOwner(owner);
      killed += 1;
      expectLaw();
    }
  }
  const { putter, taker } = MODULES;
  await Promise.all([putter, taker, putter, taker].map(killAgainAndAgain));
  expect(killed).toBeGreaterThanOrEqual(KILLS);

  const { put, committed, queued, leased, reserved, reclaimed, voided, rolledBack } = channel.counters();
  expect({ leased, reserved }).toEqual({ leased: 0, reserved: 0 });
  expect(queued).toBe(put - committed);
  // Takers died with leases in their hands, and putters with half-filled reservations.
  expect(reclaimed).toBeGreaterThan(0);
  expect(voided).toBeGreaterThan(0);
  expect(rolledBack).toBeGreaterThan(0);

  using owner = new Owner();
  const port = new ChannelPort(channel.address, owner);
  const left = new Set<number>();
  for (let lease = port.tryTake(); lease !== undefined; lease = port.tryTake()) {
    for (let at = 0; at < lease.batch.length; at += 1) left.add(numberOf(lease.batch.bodyView(at))!);
    lease.commit();
  }
  expect(ledger.torn).toBe(0);
  expect(ledger.duplicates).toBe(0);
  expect(left.size).toBe(queued);
  expect(left.has(undefined as never)).toBe(false);

  // An event is left in the channel, or committed; or its taker died between its commit and saying so.
  let recorded = 0;
  let unrecorded = 0;
  let acknowledgedAndLost = 0;
  for (let number = 0; number < ledger.putsBegun; number += 1) {
    const events = Array.from({ length: EVENTS_PER_PUT }, (_, at) => number * EVENTS_PER_PUT + at);
    const gone = events.filter((event) => !left.has(event));
    recorded += gone.filter((event) => ledger.what(event) === COMMITTED).length;
    unrecorded += gone.filter((event) => ledger.what(event) === COMMITTING).length;
    const missing = gone.filter((event) => ledger.what(event) === UNKNOWN).length;
    if (ledger.isAcknowledged(number)) acknowledgedAndLost += missing;
    // A put is there whole or not at all.
    else expect([0, EVENTS_PER_PUT]).toContain(missing);
    expect(events.filter((event) => left.has(event) && ledger.what(event) === COMMITTED)).toEqual([]);
  }
  expect(acknowledgedAndLost).toBe(0);
  expect(recorded + unrecorded).toBe(committed);
  expect(unrecorded).toBeLessThan(committed / 10);

  // All room is there again: no dead worker pins any of it.
  expect(port.free()).toBe(1_000);
}, 120_000);

test.for(['put', 'reserve and publish', 'take and commit'] as const)(
  'what a worker was told is done is done, though it is being killed: %s',
  { timeout: 60_000 },
  async (what) => {
    const roomy = { capacity: 2 ** 20, transactionCapacity: 1, byteCapacity: 64 << 20 };
    for (let life = 0; life < 60; life += 1) {
      using channel = new MemoryChannel(roomy);
      const owner = newOwner();
      const done = new Int32Array(new SharedArrayBuffer(4));
      const worker = new Worker(COUNTER, {
        workerData: { address: channel.address, owner, what, done } satisfies CounterBirth,
      });
      const exited = once(worker, 'exit');
      await once(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      worker.terminate();
      await exited;
      reclaimOwner(owner);
      const { put, committed } = channel.counters();
      const really = what === 'take and commit' ? committed : put;
      // Between a call and its count there is room for one death.
      expect([really, really - 1]).toContain(done[0]);
    }
  },
);
