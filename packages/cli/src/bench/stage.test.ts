import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Contender, contenders } from './contenders.ts';
import { Stage } from './stage.ts';

const load = { batch: 10, putters: 16, forMs: 20, atMost: 10_000 } as const;

async function openStage(contender: Contender = contenders.memory) {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  const stop = new AbortController();
  const stage = new Stage(parent, stop.signal);
  await stage.open(contender);
  return { stage, stop, parent };
}

test('what was put is what is taken, no more than was asked for', async () => {
  await using stage = (await openStage()).stage;
  const filled = await stage.fill(contenders.memory, load);
  expect(filled.events).toBe(filled.commits * load.batch);
  expect(filled.events).toBeLessThanOrEqual(load.atMost);
  expect(await stage.drain(contenders.memory, filled, 100)).toMatchObject({ events: filled.events });
  expect((await stage.through(contenders.memory, load)).events).toBeGreaterThan(0);
});

test('a channel that changes events is found out', async () => {
  await using stage = (await openStage()).stage;
  const filled = await stage.fill(contenders.memory, load);
  const drained = stage.drain(contenders.memory, { ...filled, sum: filled.sum + 1 }, 100);
  await expect(drained).rejects.toThrow('The channel is broken');
});

test('takes that cannot keep up with puts do not hold a run up, and everything is taken nevertheless', async () => {
  await using stage = (await openStage(contenders.fileTakeSync)).stage;
  const all = { ...load, batch: 1, forMs: 200, atMost: 1_000_000 };
  const { seconds } = await stage.through(contenders.fileTakeSync, all);
  expect(seconds).toBeLessThan(3);
  const filled = await stage.fill(contenders.fileTakeSync, load);
  expect(await stage.drain(contenders.fileTakeSync, filled, 100)).toMatchObject({ events: filled.events });
});

test('a run ends at once when it is aborted, and leaves nothing behind', async () => {
  const { stage, stop, parent } = await openStage();
  const run = stage.through(contenders.memory, { ...load, forMs: 60_000, atMost: Number.MAX_SAFE_INTEGER });
  stop.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  await stage[Symbol.asyncDispose]();
  expect(readdirSync(parent)).toEqual([]);
});
