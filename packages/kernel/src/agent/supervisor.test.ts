import { afterEach, expect, test, vi } from 'vitest';
import { faultySource } from '../fixtures/assignment.ts';
import type { Fault } from '../fixtures/faulty.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { Supervisor, type SupervisorOptions } from './supervisor.ts';

const supervisors: Supervisor[] = [];

afterEach(async () => {
  await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.stop(0)));
});

function supervise(at: 'open' | 'run', fault: Fault, options: Partial<SupervisorOptions> = {}) {
  const log = memoryLog();
  const events: string[] = [];
  let owner = 0;
  const supervisor = new Supervisor('a1.sources.r1', {
    log,
    logLevel: 'info',
    startTimeoutMs: 10_000,
    closeGraceMs: 200,
    memoryLimitBytes: 256 << 20,
    startRetryMs: 50,
    crashBackoff: { firstMs: 20, maxMs: 80, healthyMs: 60_000 },
    assign: () => faultySource(at, fault),
    newOwner() {
      owner += 1;
      events.push(`begin ${owner}`);
      return owner;
    },
    reclaim: (gone) => void events.push(`reclaim ${gone}`),
    isNeeded: () => false,
    ...options,
  });
  supervisors.push(supervisor);
  return { supervisor, log, events };
}

test('a component that crashes is started again after growing pauses, each life after the last one was reclaimed', async () => {
  const { supervisor, log, events } = supervise('run', 'throw');
  await vi.waitFor(() => expect(supervisor.status().restarts).toBeGreaterThan(3), 10_000);
  await supervisor.stop(0);
  expect(log.lines.filter((line) => line.includes('Crashed')).slice(0, 4)).toEqual(
    [20, 40, 80, 80].map((ms) => `a1.sources.r1: Crashed; starting again in ${ms} ms.`),
  );
  expect(events.slice(0, 4)).toEqual(['begin 1', 'reclaim 1', 'begin 2', 'reclaim 2']);
  expect(supervisor.status()).toMatchObject({ lastError: { code: 'MR_COMPONENT_FAILED' } });
});

test('a component that cannot be started is tried again at an even pace', async () => {
  const { supervisor, log } = supervise('open', 'throw');
  await supervisor.tried;
  expect(supervisor.status()).toMatchObject({ restarts: 0, lastError: { cause: { code: 'EADDRINUSE' } } });
  await vi.waitFor(() => expect(supervisor.status().restarts).toBeGreaterThan(1), 10_000);
  expect(new Set(log.lines)).toEqual(new Set(['a1.sources.r1: Could not be started; starting again in 50 ms.']));
});

test('an assignment that cannot be made counts as a start that failed', async () => {
  let channelIsThere = false;
  const assign = () => {
    if (!channelIsThere) throw new Error('no channel');
    return faultySource('never', 'none');
  };
  const { supervisor } = supervise('open', 'none', { assign });
  await supervisor.tried;
  expect(supervisor.status()).toMatchObject({ lastError: { message: expect.stringContaining('no channel') } });
  channelIsThere = true;
  await vi.waitFor(() => expect(supervisor.status().restarts).toBeGreaterThan(0), 10_000);
});

test('a reclaim that fails is said and ends nothing', async () => {
  const reclaim = () => {
    throw new Error('the engine refuses');
  };
  const { supervisor, log } = supervise('run', 'exit', { reclaim });
  await vi.waitFor(() => expect(supervisor.status().restarts).toBeGreaterThan(0), 10_000);
  expect(log.lines).toContain('a1.sources.r1: What the last life held could not be given back to the channels.');
});

test('a component that is stopped is not started again', async () => {
  const { supervisor, events } = supervise('run', 'none');
  await supervisor.tried;
  expect(await supervisor.stop(10_000)).toBe(true);
  expect(supervisor.status()).toMatchObject({ state: 'stopped', restarts: 0, lastError: undefined });
  expect(events).toEqual(['begin 1', 'reclaim 1']);
});

test('a component that is killed because it did not stop says so, and its life is reclaimed', async () => {
  const { supervisor, log, events } = supervise('run', 'spin');
  await supervisor.tried;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await supervisor.stop(0)).toBe(true);
  expect(supervisor.status()).toMatchObject({ state: 'failed', lastError: { code: 'MR_WORKER_TIMEOUT' } });
  expect(log.lines.at(-1)).toBe('a1.sources.r1: Did not stop cleanly.');
  expect(events).toEqual(['begin 1', 'reclaim 1']);
});

const crashOnce = { firstMs: 60_000, maxMs: 60_000, healthyMs: 60_000 };

test('a component that has crashed and is needed to drain is started again at once for that', async () => {
  const { supervisor, events } = supervise('run', 'throw', { isNeeded: () => true, crashBackoff: crashOnce });
  await vi.waitFor(() => expect(supervisor.status().state).toBe('waiting'), 10_000);
  expect(await supervisor.stop(10_000)).toBe(true);
  expect(supervisor.status()).toMatchObject({ state: 'stopped', restarts: 1 });
  expect(events).toEqual(['begin 1', 'reclaim 1', 'begin 2', 'reclaim 2']);
});

test('a component that is not needed, or is to leave, is not started again', async () => {
  for (const [needed, drain] of [
    [false, true],
    [true, false],
  ] as const) {
    const options = { isNeeded: () => needed, crashBackoff: crashOnce };
    const { supervisor, events } = supervise('run', 'throw', options);
    await vi.waitFor(() => expect(supervisor.status().state).toBe('waiting'), 10_000);
    expect(await supervisor.stop(10_000, drain)).toBe(true);
    expect(events).toEqual(['begin 1', 'reclaim 1']);
  }
});

test('a component that is starting when it is asked to stop, and is needed, ends when it has been open', async () => {
  const { supervisor } = supervise('run', 'none', { isNeeded: () => true });
  expect(await supervisor.stop(10_000)).toBe(true);
  expect(supervisor.status()).toMatchObject({ state: 'stopped', restarts: 0, lastError: undefined });
  expect(supervisor.status().startedAtMs).toBeGreaterThan(0);
});

test.for(['throw', 'hang'] as const)(
  'a component that is needed and cannot be opened (%s) is tried, with pauses, as long as there is time to drain',
  async (fault) => {
    const { supervisor, events } = supervise('open', fault, {
      isNeeded: () => true,
      startRetryMs: 300,
    });
    const began = performance.now();
    expect(await supervisor.stop(700)).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(600);
    expect(supervisor.ended).toBe(true);
    expect(events.length).toBeLessThan(10);
    expect(events.at(-1)).toBe(`reclaim ${events.length / 2}`);
  },
);
