import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Agent, type AgentOptions, startAgent } from './agent.ts';
import type { ChannelPlan, Plan } from './config/plan-types.ts';
import { flow, memoryPlan } from './fixtures/flow.ts';
import { memoryLog } from './fixtures/memory-log.ts';
import { noted } from './fixtures/note.ts';
import { channelPlan, planOf, sharedCells, sinkPlan, sourcePlan } from './fixtures/plan.ts';

const agents: Agent[] = [];

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
});

async function start(parts: Partial<Plan>, options: Partial<AgentOptions> = {}) {
  const log = memoryLog();
  const agent = await startAgent(planOf(parts), { log, ...options });
  agents.push(agent);
  return { agent, log };
}

test('channels open, then sinks, then sources; they stop in reverse', async () => {
  const order = sharedCells(20);
  const { agent } = await start({
    channels: [channelPlan('c1', { order })],
    sinks: [sinkPlan('k1', 'counting', { order, delivered: sharedCells() })],
    sources: [sourcePlan('r1', 'emitting', { order, accepted: sharedCells(), batch: 1 })],
  });
  expect(noted(order)).toEqual(['channel opens', 'sink opens', 'source opens']);
  await agent.stop();
  expect(noted(order).slice(3)).toEqual(['source closes', 'sink closes', 'channel closes']);
});

test('what was accepted before the stop is delivered before the end, and every law of the figures holds', async () => {
  const accepted = sharedCells();
  const delivered = sharedCells();
  const { agent } = await start({
    sinks: [sinkPlan('k1', 'counting', { delivered })],
    sources: [sourcePlan('r1', 'emitting', { accepted, batch: 70 })],
  });
  await vi.waitFor(() => expect(accepted[0]).toBeGreaterThan(1_000), 10_000);
  await agent.stop();

  const { sources, sinks, channels } = agent.status();
  expect(delivered[0]).toBe(accepted[0]);
  expect(sources[0]!.metrics).toMatchObject({
    received: accepted[0],
    accepted: accepted[0],
    rejected: 0,
    filtered: 0,
    refused: 0,
  });
  expect(sinks[0]!.metrics).toMatchObject({ taken: accepted[0], delivered: accepted[0], returned: 0 });
  expect(channels[0]!.counters).toMatchObject({ put: accepted[0], committed: accepted[0], queued: 0, leased: 0 });
});

test('a stop delivers what is in memory, though the sink has crashed before and crashes while it drains', async () => {
  const exits = sharedCells();
  const { source, sink, accepted, lost } = flow();
  const { agent, log } = await start(
    { channels: [memoryPlan('c1')], sinks: [sink('k1', { exits, delayMs: 5 })], sources: [source()] },
    { drainTimeoutMs: 20_000, crashBackoff: { firstMs: 1_000, maxMs: 60_000, healthyMs: 60_000 } },
  );
  await vi.waitFor(() => expect(accepted()).toBeGreaterThan(500), 10_000);
  Atomics.store(exits, 0, 2);
  await vi.waitFor(() => expect(agent.status().sinks[0]).toMatchObject({ state: 'waiting' }), 5_000);
  expect(await agent.stop()).toEqual({ stuck: [], lost: [] });
  expect(lost()).toBe(0);
  expect(log.lines.filter((line) => line.includes('Crashed'))).toHaveLength(2);
});

test('a stop tells how many accepted events are lost with a channel that does not keep them', async () => {
  const accepted = sharedCells();
  const { agent, log } = await start(
    {
      channels: [channelPlan('c1'), channelPlan('c2')],
      sinks: [
        sinkPlan('k1', 'counting', { delivered: sharedCells(), failing: true }),
        sinkPlan('k2', 'counting', { delivered: sharedCells() }, 'c2'),
      ],
      sources: [sourcePlan('r1', 'emitting', { accepted, batch: 1 }, ['c1', 'c2'])],
    },
    { drainTimeoutMs: 300 },
  );
  await vi.waitFor(() => expect(accepted[0]).toBeGreaterThan(50), 10_000);
  const { lost } = await agent.stop();
  expect(lost).toEqual([{ channel: 'a1.channels.c1', events: accepted[0] }]);
  expect(log.lines).toContain(
    'a1.sinks.k1: The time for draining is over; what is left in the channel was not delivered.',
  );
});

test('a port in use keeps its source waiting, the rest runs, and the source starts once the port is free', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { port: number };
  const { agent } = await start({
    sinks: [sinkPlan('k1', 'counting', { delivered: sharedCells() })],
    sources: [
      sourcePlan('r1', 'listening', { port }),
      sourcePlan('r2', 'emitting', { accepted: sharedCells(), batch: 1 }),
    ],
  });
  const [r1, r2] = agent.status().sources;
  expect(r1).toMatchObject({
    state: expect.stringMatching(/waiting|failed/),
    lastError: { cause: { code: 'EADDRINUSE' } },
  });
  expect(r2).toMatchObject({ state: 'running', restarts: 0 });

  squatter.close();
  await vi.waitFor(() => expect(agent.status().sources[0]!.state).toBe('running'), 5_000);
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  client.destroy();
  expect(agent.status().sources[0]!.restarts).toBe(1);
});

/** A real jdbc channel, which lives in a thread of its own. */
function jdbcPlan(): ChannelPlan {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-agent-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const driverUrl = { kind: 'sqlite', file: join(directory, 'db.sqlite'), insteadOfDerby: false };
  const limits = { maximumCapacity: 1_000, transactionCapacity: 100, keepAliveSeconds: 1 };
  const plan = channelPlan('c1', { ...limits, driverUrl, createSchema: true });
  const module = new URL('./channels/jdbc/channel.js', import.meta.url);
  return { ...plan, registration: { ...plan.registration, module } };
}

test.for([
  ['memory', () => channelPlan('c1')],
  ['jdbc', jdbcPlan],
] as const)(
  'at a %s channel a sink that dies in the middle of a delivery starts again alone, and nothing is lost or counted twice',
  async ([, channel]) => {
    const accepted = sharedCells();
    const delivered = sharedCells();
    const { agent, log } = await start({
      channels: [channel()],
      sinks: [sinkPlan('k1', 'counting', { delivered, exitOnce: sharedCells(1, 1) })],
      sources: [sourcePlan('r1', 'emitting', { accepted, batch: 7 })],
    });
    await vi.waitFor(() => expect(delivered[0]).toBeGreaterThan(500), 5_000);
    expect(agent.status().sources[0]).toMatchObject({ state: 'running', restarts: 0 });
    await agent.stop();

    const { sinks, channels } = agent.status();
    expect(sinks[0]).toMatchObject({ restarts: 1, lastError: { code: 'MR_WORKER_EXIT' } });
    expect(delivered[0]).toBe(accepted[0]);
    const { taken, returned } = sinks[0]!.metrics;
    expect(sinks[0]!.metrics['delivered']).toBe(accepted[0]);
    expect(returned).toBeGreaterThan(0);
    expect(taken).toBe(accepted[0]! + returned!);
    expect(channels[0]!.counters).toMatchObject({ put: accepted[0], committed: accepted[0], reclaimed: returned });
    expect(log.lines).toContain('a1.sinks.k1: Crashed; starting again in 100 ms.');
  },
);

test('a source that dies starts again, and its figures go on and add up', async () => {
  const accepted = sharedCells();
  const { agent } = await start({
    sinks: [sinkPlan('k1', 'counting', { delivered: sharedCells() })],
    sources: [sourcePlan('r1', 'emitting', { accepted, batch: 10, exitOnce: sharedCells(1, 1) })],
  });
  await vi.waitFor(() => expect(accepted[0]).toBeGreaterThan(500), 5_000);
  await agent.stop();
  const [r1] = agent.status().sources;
  expect(r1).toMatchObject({ restarts: 1, metrics: { received: accepted[0], accepted: accepted[0] } });
});

test('a channel that cannot be opened is tried again, and its components follow', async () => {
  const { agent } = await start({
    channels: [channelPlan('c1'), channelPlan('c2', { failing: sharedCells(1, 1) })],
    sinks: [
      sinkPlan('k1', 'counting', { delivered: sharedCells() }, 'c1'),
      sinkPlan('k2', 'counting', { delivered: sharedCells() }, 'c2'),
    ],
  });
  expect(agent.status().channels.map(({ open }) => open)).toEqual([true, false]);
  expect(agent.status().sinks.map(({ state }) => state)).toEqual(['running', 'waiting']);
  await vi.waitFor(() => expect(agent.status().sinks[1]!.state).toBe('running'), 8_000);
});

test('stopping while a start hangs works at once', async () => {
  const stop = new AbortController();
  const starting = start(
    { sources: [sourcePlan('r1', 'faulty', { at: 'open', fault: 'hang' })] },
    { signal: stop.signal },
  );
  setTimeout(() => stop.abort(), 200);
  const began = performance.now();
  const { agent } = await starting;
  expect(await agent.stop()).toEqual({ stuck: [], lost: [] });
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('a channel that is broken when the stop signal comes does not keep the agent from stopping', async () => {
  const stop = new AbortController();
  const { agent } = await start({ channels: [channelPlan('c1', { broken: true })] }, { signal: stop.signal });
  stop.abort();
  expect(await agent.stop()).toEqual({ stuck: [], lost: [{ channel: 'a1.channels.c1', events: undefined }] });
});

test('what has not been started when the stop comes is not started any more', async () => {
  const order = sharedCells(20);
  const stop = new AbortController();
  const parts = {
    sinks: [sinkPlan('k1', 'faulty', { at: 'open', fault: 'hang' })],
    sources: [sourcePlan('r1', 'emitting', { order, accepted: sharedCells(), batch: 1 })],
  };
  setTimeout(() => stop.abort(), 200);
  const { agent } = await start(parts, { signal: stop.signal });
  await agent.stop();
  expect(agent.status().sources).toEqual([]);
  expect(noted(order)).toEqual([]);
});

test('stopping during the pause before another start works at once', async () => {
  const { agent } = await start(
    { sources: [sourcePlan('r1', 'faulty', { at: 'open', fault: 'throw' })] },
    { crashBackoff: { firstMs: 60_000, maxMs: 60_000, healthyMs: 60_000 } },
  );
  await vi.waitFor(() => expect(agent.status().sources[0]!.state).toBe('waiting'), 10_000);
  const began = performance.now();
  await agent.stop();
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(agent.status().sources[0]!.state).toBe('failed');
});

test('stopping twice waits for one end', async () => {
  const { agent } = await start({});
  expect(agent.stop()).toBe(agent.stop());
});

test('a thread that V8 cannot interrupt is named, and does not keep the agent from stopping', async () => {
  const program = fileURLToPath(new URL('./fixtures/stuck-agent.js', import.meta.url));
  // The process kills itself: no other end is left to it.
  const ended = await promisify(execFile)(process.execPath, [program]).catch((error) => error);
  expect(ended.signal).toBe('SIGKILL');
  expect(JSON.parse(ended.stdout)).toEqual({ stuck: ['a1.sources.r1'], lost: [] });
});
