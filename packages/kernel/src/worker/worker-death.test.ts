import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { newOwner, reclaimOwner } from '@millrace/channel-native';
import { expect, onTestFinished, test } from 'vitest';
import type { ChannelHost } from '../channel.ts';
import { create } from '../fixtures/channel.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { sharedCells } from '../fixtures/plan.ts';
import { metricsOf, settle } from '../metrics/base.ts';
import { allocateCells, readCells } from '../metrics/cells.ts';
import { Host } from './host.ts';
import type { Assignment } from './protocol.ts';

const LIVES = 100;
const log = memoryLog();
const moduleOf = (fixture: string) => new URL(`../fixtures/${fixture}.js`, import.meta.url).href;

/** All threads of this process in the order of their start, for a host does not show its own. */
const threads: Worker[] = [];
process.on('worker', (thread) => threads.push(thread));
let started = 0;

interface Subject {
  readonly assignment: Assignment;
  /** Cell: moves when the component gets something done. */
  readonly progress: Int32Array;
  lives: number;
}

/** One component over and over: each life is killed at some moment of its work, without being asked to stop before. */
async function killAgainAndAgain(subject: Subject, enough: () => boolean): Promise<void> {
  const { assignment, progress } = subject;
  for (; !enough(); subject.lives += 1) {
    const owner = newOwner();
    const before = Atomics.load(progress, 0);
    const host = new Host(assignment, owner, {
      startTimeoutMs: 30_000,
      closeGraceMs: 0,
      memoryLimitBytes: 256 << 20,
      logLevel: 'error',
      onLog() {},
    });
    const thread = started++;
    await host.running;
    while (Atomics.load(progress, 0) === before && !enough()) await delay(1);
    await delay(Math.random() * 8);
    threads[thread]!.terminate();
    expect(await host.exited).toMatchObject({ code: 'MR_WORKER_EXIT' });
    reclaimOwner(owner);
    settle(metricsOf({ kind: assignment.kind, metrics: {} }), assignment.metrics);
  }
}

test('whenever workers are killed, the laws of the figures hold and nothing accepted is lost', async () => {
  const channel: ChannelHost = await create({}, { id: 'c1', log });
  onTestFinished(async () => void (await channel.close()));
  const [r1, k1] = allocateCells(
    (['source', 'sink'] as const).map((kind) => Object.keys(metricsOf({ kind, metrics: {} }))),
  );
  const accepted = sharedCells();
  const delivered = sharedCells();
  const source: Assignment = {
    kind: 'source',
    id: 'r1',
    module: moduleOf('emitting'),
    config: { accepted, batch: 37 },
    metrics: r1!,
    drive: 'event',
    interceptors: [],
    required: [channel.address],
    optional: [],
  };
  const sink: Assignment = {
    kind: 'sink',
    id: 'k1',
    module: moduleOf('counting'),
    config: { delivered },
    metrics: k1!,
    lingerMs: 0,
    channel: channel.address,
  };
  const subjects: Subject[] = [
    { assignment: source, progress: accepted, lives: 0 },
    { assignment: sink, progress: delivered, lives: 0 },
  ];
  // Each needs the other to get anything done, so both go on until both have had their lives.
  const enough = () => subjects.every(({ lives }) => lives >= LIVES);
  await Promise.all(subjects.map((subject) => killAgainAndAgain(subject, enough)));

  const figures = channel.counters();
  const { put, committed, queued, leased, reserved } = figures as Record<string, number>;
  expect(leased! + reserved!).toBe(0);
  expect(put).toBe(committed! + queued!);
  expect(put).toBeGreaterThanOrEqual(accepted[0]!);

  const sourceFigures = readCells(r1!) as Record<'received' | 'accepted' | 'rejected', number>;
  const sinkFigures = readCells(k1!) as Record<'taken' | 'delivered' | 'returned', number>;
  expect(sourceFigures.received).toBe(sourceFigures.accepted + sourceFigures.rejected);
  expect(sinkFigures.taken).toBe(sinkFigures.delivered + sinkFigures.returned);
  // Between a commit and its count a worker may die; only the channel's own figures are exact then.
  expect(sinkFigures.delivered).toBeLessThanOrEqual(committed!);
  expect(sourceFigures.accepted).toBeLessThanOrEqual(put!);
}, 120_000);
