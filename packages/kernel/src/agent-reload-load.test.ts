import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startAgent } from './agent.ts';
import { filePlan, flow, memoryPlan } from './fixtures/flow.ts';
import { memoryLog } from './fixtures/memory-log.ts';
import { planOf, sharedCells } from './fixtures/plan.ts';

const RELOADS = Number(process.env['RELOADS'] ?? 1_000);

test(`${RELOADS} reloads under load lose nothing that was accepted, though workers crash meanwhile`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-reload-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { source, sink, accepted, lost, repeated } = flow(20_000_000);
  const exits = sharedCells();
  const now = { delivers: 0, emits: 0, memory: 2_000, disk: 5_000, named: 0, moved: 0 };
  const plan = () =>
    planOf({
      channels: [
        memoryPlan('c1', { capacity: now.memory }),
        filePlan('c2', directory, { capacity: now.disk }),
        memoryPlan(`c3${now.named % 2}`),
      ],
      sinks: [
        sink('k1', { batch: 20 + (now.delivers % 50), order: undefined, delayMs: 4, exits }, 'c1'),
        sink('k2', { order: undefined }, now.moved % 2 ? 'c1' : 'c2'),
        sink('k3', { order: undefined }, 'c2'),
        sink('k4', { order: undefined, delayMs: 8 }, `c3${now.named % 2}`),
      ],
      sources: [
        source('r1', { batch: 10 + (now.emits % 50) }, ['c1']),
        source('r2', { pauseMs: 3 }, ['c2']),
        source('r3', { pauseMs: 2 }, [`c3${now.named % 2}`]),
      ],
    });
  /** Sinks are slow, so that there is always something to keep. Small changes mostly: a channel that changes restarts all who are at it. */
  const rare = ['memory', 'disk', 'named', 'moved'] as const;
  const changeOf = (round: number) =>
    round % 5 === 0 ? rare[(round / 5) % 4]! : round % 2 === 0 ? 'delivers' : 'emits';
  const log = memoryLog();
  const agent = await startAgent(plan(), { log });
  for (let round = 1; round <= RELOADS; round += 1) {
    if (round % 50 === 0) Atomics.store(exits, 0, 1);
    now[changeOf(round)] += 1;
    const { changes } = await agent.reload(plan());
    expect(changes).not.toEqual([]);
  }
  expect(await agent.stop()).toEqual({ stuck: [], lost: [] });
  expect(accepted()).toBeGreaterThan(10_000);
  expect(lost()).toBe(0);
  expect(repeated()).toBeLessThan(accepted() / 100);
  expect(log.lines.filter((line) => /Crashed|Did not stop cleanly/.test(line)).length).toBeGreaterThan(RELOADS / 100);
  expect(log.lines.filter((line) => /lost|keeps its old/.test(line))).toEqual([]);
}, 300_000);

test('a thread that does not end keeps its place and its channels, and everybody else goes on', async () => {
  const program = fileURLToPath(new URL('./fixtures/reload-with-stuck.js', import.meta.url));
  // The process kills itself: no other end is left to it.
  const ended = await promisify(execFile)(process.execPath, [program]).catch((error) => error);
  expect(ended.signal).toBe('SIGKILL');
  expect(JSON.parse(ended.stdout)).toEqual({
    remarks: [expect.stringContaining('a1.sources.r1')],
    configs: [5_000, 60],
    r1: 'run',
    states: ['r1 failed', 'r2 running'],
    goesOn: true,
    quick: true,
    stuck: ['a1.sources.r1'],
    lost: [],
    unsaid: 0,
  });
}, 60_000);
