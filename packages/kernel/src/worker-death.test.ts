import { newOwner, reclaimOwner } from '@millrace/channel-native';
import { expect, onTestFinished, test } from 'vitest';
import type { ChannelHost } from './channel.ts';
import { create } from './fixtures/channel.ts';
import { memoryLog } from './fixtures/memory-log.ts';
import { sharedCells } from './fixtures/plan.ts';
import { Host } from './host.ts';
import { metricsOf, settle } from './metrics/base.ts';
import { allocateCells, readCells } from './metrics/cells.ts';
import type { Assignment } from './protocol.ts';

const LIVES = 100;
const log = memoryLog();
const moduleOf = (fixture: string) => new URL(`./fixtures/${fixture}.js`, import.meta.url).href;

/** One component over and over: each life is killed at some moment of its work, or has just ended. Tells how many were killed. */
async function killAgainAndAgain(kind: 'source' | 'sink', assignment: Assignment, lives: number): Promise<number> {
  let killed = 0;
  for (let life = 0; life < lives; life += 1) {
    const owner = newOwner();
    const host = new Host(assignment, owner, {
      startTimeoutMs: 10_000,
      closeGraceMs: 0,
      memoryLimitBytes: 256 << 20,
      logLevel: 'error',
      onLog() {},
    });
    await host.running;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
    if (await host.stop(0)) killed += 1;
    reclaimOwner(owner);
    settle(metricsOf({ kind, metrics: {} }), assignment.metrics);
  }
  return killed;
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
  const killed = await Promise.all([
    killAgainAndAgain('source', source, LIVES),
    killAgainAndAgain('sink', sink, LIVES),
  ]);
  expect(Math.min(...killed)).toBeGreaterThan(LIVES / 20);

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
