import { afterEach, expect, test } from 'vitest';
import { faultySource, sourceAssignment } from '../fixtures/assignment.ts';
import type { Fault } from '../fixtures/faulty.ts';
import { Host, type HostOptions } from './host.ts';
import type { LogRecord } from './protocol.ts';

const hosts: Host[] = [];

afterEach(async () => {
  for (const host of hosts.splice(0)) if (host.state === 'running') await host.stop(0);
});

function start(at: 'open' | 'run' | 'close' | 'never', fault: Fault, options: Partial<HostOptions> = {}) {
  const logged: LogRecord[] = [];
  const host = new Host(faultySource(at, fault), 1, {
    startTimeoutMs: 20_000,
    closeGraceMs: 300,
    memoryLimitBytes: 256 << 20,
    logLevel: 'info',
    onLog: (record) => logged.push(record),
    ...options,
  });
  hosts.push(host);
  return { host, logged };
}

test('a component that opens, runs until it is stopped and then ends its thread', async () => {
  const { host } = start('never', 'none');
  await host.running;
  expect(host.state).toBe('running');
  expect(await host.stop(10_000)).toBeUndefined();
  expect(host.state).toBe('stopped');
});

test('what open threw is the reason why it does not run, with its code', async () => {
  const { host } = start('open', 'throw');
  await expect(host.running).rejects.toMatchObject({
    code: 'MR_COMPONENT_FAILED',
    message: expect.stringContaining('a1.sources.r1 failed while opening: listen EADDRINUSE'),
    cause: { code: 'EADDRINUSE' },
  });
  expect(await host.exited).toMatchObject({ code: 'MR_COMPONENT_FAILED' });
  expect(host.state).toBe('failed');
});

test('a start that hangs ends when its time is over', async () => {
  const { host } = start('open', 'hang', { startTimeoutMs: 300 });
  await expect(host.running).rejects.toMatchObject({ code: 'MR_WORKER_TIMEOUT' });
  expect(await host.exited).toMatchObject({ code: 'MR_WORKER_TIMEOUT' });
});

test('a start that spins ends when its time is over', async () => {
  const { host } = start('open', 'spin', { startTimeoutMs: 300 });
  expect(await host.exited).toMatchObject({ code: 'MR_WORKER_TIMEOUT' });
});

test('the time for a start is no limit for what was started', async () => {
  const { host } = start('never', 'none', { startTimeoutMs: 2_000 });
  await host.running;
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  expect(host.state).toBe('running');
});

test('stopping during a start that hangs works at once and is no failure', async () => {
  const { host } = start('open', 'hang');
  const began = performance.now();
  expect(await host.stop(10_000)).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(host.state).toBe('stopped');
  await expect(host.running).rejects.toMatchObject({ code: 'MR_LIFECYCLE' });
});

test.for(['throw', 'rejection'] as const)(
  'a component that runs and fails by %s ends, with the reason',
  async (fault) => {
    const { host } = start('run', fault);
    await host.running;
    expect(await host.exited).toMatchObject({ code: 'MR_COMPONENT_FAILED', cause: expect.any(Error) });
    expect(host.state).toBe('failed');
  },
);

test('a worker that exits is told from one that fails', async () => {
  const { host } = start('run', 'exit');
  expect(await host.exited).toMatchObject({ code: 'MR_WORKER_EXIT', message: expect.stringContaining('code 3') });
});

test('a worker that exits before it runs fails its start', async () => {
  const { host } = start('open', 'exit');
  await expect(host.running).rejects.toMatchObject({ code: 'MR_WORKER_EXIT' });
});

test('a component that ignores stop is killed when its time is over', async () => {
  const { host } = start('run', 'spin');
  await host.running;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await host.stop(99.995)).toMatchObject({
    code: 'MR_WORKER_TIMEOUT',
    message: expect.stringContaining('a1.sources.r1 did not end within 400 ms and was killed.'),
  });
  expect(host.state).toBe('failed');
});

test('a component that fails to close is ended and says so', async () => {
  const { host } = start('close', 'throw');
  await host.running;
  expect(await host.stop(10_000)).toMatchObject({
    code: 'MR_COMPONENT_FAILED',
    message: expect.stringContaining('closing'),
  });
});

test.for(['hoardObjects', 'hoardBuffers', 'hoardBuffersInLoop'] as const)(
  'a worker that holds more memory than it may is ended: %s',
  async (fault) => {
    const { host } = start('run', fault, { memoryLimitBytes: 64 << 20 });
    await host.running;
    expect(await host.exited).toMatchObject({ code: 'MR_WORKER_MEMORY' });
  },
);

test('a component whose module is not there fails its start', async () => {
  const { host } = start('never', 'none', {});
  await host.running;
  const missing = new Host(sourceAssignment({ module: 'file:///nowhere.js' }), 2, {
    startTimeoutMs: 20_000,
    closeGraceMs: 300,
    memoryLimitBytes: 256 << 20,
    logLevel: 'info',
    onLog() {},
  });
  await expect(missing.running).rejects.toMatchObject({ code: 'MR_COMPONENT_FAILED' });
});

test('the death of one worker leaves the others alone', async () => {
  const { host: neighbour } = start('never', 'none');
  const { host } = start('run', 'hoardObjects', { memoryLimitBytes: 64 << 20 });
  await neighbour.running;
  await host.exited;
  expect(neighbour.state).toBe('running');
});

test('what a worker logged just before its death arrives', async () => {
  const { host, logged } = start('run', 'logThenExit');
  await host.exited;
  expect(logged.map(({ message }) => message)).toEqual(['About to die.']);
  expect(JSON.parse(logged[0]!.fields)).toMatchObject({ error: { name: 'TypeError', message: 'the reason' } });
});

test('what a worker said before its death comes before the death, even when the main thread hears both late', async () => {
  const { host, logged } = start('open', 'logThenExit');
  const busyUntil = performance.now() + 400;
  while (performance.now() < busyUntil);
  await expect(host.running).rejects.toMatchObject({ code: 'MR_WORKER_EXIT' });
  expect(logged.map(({ message }) => message)).toEqual(['About to die.']);
});

test('a component that fails as soon as it is open has been open, whichever the main thread hears first', async () => {
  // So many at once that its end overtakes what it said here and there.
  const hosts = Array.from({ length: 40 }, () => start('open', 'throwNext').host);
  await Promise.all(hosts.map(({ running }) => running));
  for (const { exited } of hosts) expect(await exited).toMatchObject({ code: 'MR_COMPONENT_FAILED' });
});

test('a worker that logs in a loop is thinned out and costs bounded memory', async () => {
  const { host, logged } = start('run', 'logInLoop');
  await host.running;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(host.state).toBe('running');
  await host.stop(0);
  expect(logged).toHaveLength(10);
});

test('a host that has stopped refuses to stop again', async () => {
  const { host } = start('never', 'none');
  await host.running;
  await host.stop(10_000);
  expect(() => host.stop(10_000)).toThrowError(expect.objectContaining({ code: 'MR_LIFECYCLE' }));
});
