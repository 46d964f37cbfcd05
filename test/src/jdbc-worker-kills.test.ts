import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { newOwner } from '@millrace/channel-native';
import { connectChannel } from '@millrace/kernel/channel';
import { create } from '@millrace/kernel/channels/jdbc/channel';
import { recordLog } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import type { JdbcKillBirth } from './kills/jdbc-worker.ts';
import { COMMITTED, EVENTS_PER_PUT, Ledger, numberOf, UNKNOWN } from './kills/ledger.ts';

const KILLS = 200;
const CAPACITY = 200;

test('workers killed at a jdbc channel leave nothing open: nothing acknowledged is lost, nothing committed comes again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-jdbc-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const driverUrl = { kind: 'sqlite', file: join(directory, 'db.sqlite'), insteadOfDerby: false };
  const settings = { createSchema: true, maximumCapacity: CAPACITY, transactionCapacity: 50, keepAliveSeconds: 0 };
  const channel = await create({ ...settings, driverUrl }, { id: 'a1.channels.c1', log: recordLog() });
  const ledger = new Ledger();
  let killed = 0;

  const expectLaw = () => {
    const { put, committed, queued, leased } = channel.counters();
    expect(put).toBe(committed! + queued! + leased!);
  };

  async function killAgainAndAgain(kind: JdbcKillBirth['kind']): Promise<void> {
    while (killed < KILLS) {
      const owner = newOwner();
      const workerData: JdbcKillBirth = { kind, address: channel.address, owner, ledger: ledger.memory };
      const worker = new Worker(new URL('./kills/jdbc-worker.js', import.meta.url), { workerData });
      const exited = once(worker, 'exit');
      await once(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      // What ended by itself was not killed.
      expect(worker.threadId).toBeGreaterThan(0);
      worker.terminate();
      expectLaw();
      await exited;
      await channel.reclaim!(owner);
      killed += 1;
      expectLaw();
    }
  }
  await Promise.all((['putter', 'taker', 'putter', 'taker'] as const).map(killAgainAndAgain));

  const port = await connectChannel(channel.address, newOwner());
  const left = new Set<number>();
  for (let lease = await port.tryTake(50); lease !== undefined; lease = await port.tryTake(50)) {
    for (let at = 0; at < lease.batch.length; at += 1) left.add(numberOf(lease.batch.bodyView(at))!);
    await lease.commit();
  }
  const { put, committed, reclaimed, voided, rolledBack, leased, reserved } = channel.counters();
  expect({ leased, reserved }).toEqual({ leased: 0, reserved: 0 });
  expect(committed).toBe(put);
  for (const figure of [reclaimed, voided, rolledBack]) expect(figure).toBeGreaterThan(0);
  // All room is there again: no dead worker holds any of it.
  expect(port.free()).toBe(CAPACITY);
  expect(ledger.torn).toBe(0);
  expect(ledger.duplicates).toBe(0);

  for (let number = 0; number < ledger.putsBegun; number += 1) {
    const events = Array.from({ length: EVENTS_PER_PUT }, (_, at) => number * EVENTS_PER_PUT + at);
    const missing = events.filter((event) => !left.has(event) && ledger.what(event) === UNKNOWN).length;
    // A put is there whole or not at all.
    expect(ledger.isAcknowledged(number) ? [0] : [0, EVENTS_PER_PUT]).toContain(missing);
    expect(events.filter((event) => left.has(event) && ledger.what(event) === COMMITTED)).toEqual([]);
  }
  expect(ledger.putsBegun).toBeGreaterThan(50);
  expect(await channel.close()).toBe(0);
}, 120_000);
