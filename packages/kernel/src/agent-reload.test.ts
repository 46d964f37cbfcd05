import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryChannel } from '@millrace/channel-native';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Agent, type AgentOptions, startAgent } from './agent.ts';
import type { ChannelPlan, Plan } from './config/plan-types.ts';
import { filePlan, flow, jdbcPlan, memoryPlan, numbersTo } from './fixtures/flow.ts';
import { memoryLog } from './fixtures/memory-log.ts';
import { channelPlan, planOf, sharedCells, sourcePlan } from './fixtures/plan.ts';

const agents: Agent[] = [];

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
});

async function start(plan: Plan, options: Partial<AgentOptions> = {}) {
  const log = memoryLog();
  const agent = await startAgent(plan, { log, drainTimeoutMs: 3_000, ...options });
  agents.push(agent);
  return { agent, log };
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-reload-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A source that has put so many numbers into a channel whose sink cannot deliver them. */
async function stalled(channel: ChannelPlan, { events = 50, source = {} } = {}) {
  const { sink, ...rest } = flow();
  const failing = sharedCells(1, 1);
  const plan = planOf({
    channels: [channel],
    sinks: [sink('k1', { failing })],
    sources: [rest.source('r1', { until: events, ...source })],
  });
  const { agent, log } = await start(plan);
  await vi.waitFor(() => expect(rest.accepted()).toBe(events), 5_000);
  const heal = (name = 'k1', at = 'c1') => sink(name, {}, at);
  return { agent, log, plan, sink, heal, ...rest };
}

/** A flow whose channel is renamed under load, more than once, before its sink has delivered anything. */
async function renamedUnderLoad(
  names: readonly string[],
  { source = {}, ...options }: { source?: object } & Partial<AgentOptions> = {},
) {
  const { sink, ...rest } = flow();
  const failing = sharedCells(1, 1);
  const plan = (channel: string) =>
    planOf({
      channels: [memoryPlan(channel)],
      sinks: [sink('k1', { failing }, channel)],
      sources: [rest.source('r1', source, [channel])],
    });
  const { agent } = await start(plan('c1'), options);
  for (const channel of names) {
    const before = rest.accepted();
    await vi.waitFor(() => expect(rest.accepted()).toBeGreaterThan(before + 100), 10_000);
    await agent.reload(plan(channel));
  }
  return { agent, plan, heal: () => Atomics.store(failing, 0, 0), ...rest };
}

test('what did not change keeps its thread, its figures and its start', async () => {
  const { source, sink } = flow();
  const threads = numbersTo(50).map(() => sharedCells());
  const sinks = (batch: number) =>
    threads.map((thread, at) => sink(`k${at}`, { thread, ...(at === 7 && { batch }) }, 'c1'));
  const plan = (batch: number) => planOf({ channels: [memoryPlan('c1')], sinks: sinks(batch), sources: [source()] });
  const startBegan = performance.now();
  const { agent } = await start(plan(50));
  const startMs = performance.now() - startBegan;
  const threadsBefore = threads.map(([id]) => id);
  const before = agent.status();

  const began = performance.now();
  const { changes, untouched } = await agent.reload(plan(20));
  const tookMs = performance.now() - began;
  expect(changes).toEqual([{ id: 'a1.sinks.k7', what: 'restart', why: 'batch 50 → 20' }]);
  expect(untouched).toBe(51);
  expect(threads.flatMap(([id], at) => (id === threadsBefore[at] ? [] : [at]))).toEqual([7]);
  const after = agent.status();
  const starts = ({ sinks, sources, channels }: typeof after) =>
    [...channels, ...sinks, ...sources].map(({ id, startedAtMs }) => `${id} ${startedAtMs}`);
  expect(starts(after).filter((start, at) => start !== starts(before)[at])).toHaveLength(1);
  expect(after.sources[0]!.metrics['accepted']).toBeGreaterThanOrEqual(before.sources[0]!.metrics['accepted']!);
  // On a machine that has nothing else to do it is a tenth of a second.
  expect(tookMs).toBeLessThan(Math.max(5_000, startMs / 3));
}, 60_000);

test('the plan that runs, applied again, changes nothing', async () => {
  const { source, sink } = flow();
  const plan = planOf({ channels: [memoryPlan('c1')], sinks: [sink()], sources: [source()] });
  const { agent } = await start(plan);
  expect(await agent.reload(plan)).toEqual({ changes: [], untouched: 3, remarks: [] });
  expect(agent.plan).toEqual(plan);
});

test('a memory channel with other limits keeps its events, in their order', async () => {
  const { agent, plan, heal, delivered } = await stalled(memoryPlan('c1'));
  const channels = [memoryPlan('c1', { capacity: 60, transactionCapacity: 7 })];
  const { changes, remarks } = await agent.reload({ ...plan, channels, sinks: [heal()] });
  expect(changes.map(({ id, what }) => `${what} ${id}`)).toEqual([
    'restart a1.channels.c1',
    'restart a1.sinks.k1',
    'restart a1.sources.r1',
  ]);
  expect(remarks).toEqual([]);
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 10_000);
  expect(agent.plan.channels[0]!.config).toMatchObject({ capacity: 60 });
});

const few = { capacity: 40, transactionCapacity: 40 };

test.for([
  ['events', () => memoryPlan('c1', few), 'there would be room for 40'],
  ['events on a disk', () => filePlan('c1', scratch(), few), 'there would be room for 40'],
  ['bytes', () => memoryPlan('c1', { byteCapacity: 4_000 }), 'they do not fit'],
] as const)(
  'a memory channel whose new limits leave no room for its %s keeps its settings and its events, in their order',
  async ([, smaller, reason]) => {
    const { agent, plan, heal, delivered, log } = await stalled(memoryPlan('c1', { transactionCapacity: 10 }), {
      source: { padding: 'x'.repeat(90) },
    });
    const next = { ...plan, channels: [smaller()], sinks: [heal()] };
    const { remarks } = await agent.reload(next);
    expect(remarks).toEqual([`a1.channels.c1 keeps its old settings, because of its 50 events: ${reason}.`]);
    expect(log.lines).toContain(remarks[0]);
    await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 10_000);
    expect(agent.plan.channels).toEqual(plan.channels);

    // Now that it is empty nothing stands against it.
    const again = await agent.reload(next);
    expect(again.remarks).toEqual([]);
    expect(agent.plan.channels).toEqual(next.channels);
    expect(agent.status().channels).toMatchObject([{ open: true }]);
  },
);

test('a removed memory channel and its sink stay until its events are delivered, and go then', async () => {
  const { agent, plan, sink, heal, delivered } = await stalled(memoryPlan('c1'));
  const other = { channels: [memoryPlan('c2')], sinks: [sink('k2', {}, 'c2')], sources: [] };
  const { remarks } = await agent.reload({ ...plan, ...other });
  expect(remarks).toEqual([
    'a1.channels.c1 is not in the configuration any more and is kept until its 50 events are delivered.',
  ]);
  expect(agent.status().sinks.map(({ id }) => id)).toEqual(['a1.sinks.k2', 'a1.sinks.k1']);

  // A sink that is in the configuration delivers with its new settings what is in the old channel.
  await agent.reload({ ...plan, ...other, sinks: [heal('k1', 'c2')] });
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 10_000);
  await vi.waitFor(() => expect(agent.status().channels.map(({ id }) => id)).toEqual(['a1.channels.c2']), 10_000);
  const { sinks, removed } = agent.status();
  expect(sinks.map(({ channels }) => channels)).toEqual([['c2']]);
  expect(removed.channels.map(({ name, counters }) => [name, counters['committed']])).toEqual([['c1', 50]]);
});

test('what comes back under its name is not among what was removed any more', async () => {
  const { source, sink } = flow();
  const plan = planOf({ channels: [memoryPlan('c1')], sinks: [sink()], sources: [source('r1', { until: 50 })] });
  const { agent } = await start(plan);
  const removed = () => Object.values(agent.status().removed).flatMap((all) => all.map(({ id }) => id));
  await agent.reload(planOf({ channels: [] }));
  await vi.waitFor(() => expect(removed()).toEqual(['a1.channels.c1', 'a1.sinks.k1', 'a1.sources.r1']), 10_000);
  await agent.reload(plan);
  expect(removed()).toEqual([]);
});

test('a removed channel that no sink takes from loses its events, and that is an error with their number', async () => {
  const { source, sink, accepted } = flow();
  const plan = planOf({ channels: [memoryPlan('c1')], sources: [source('r1', { until: 50 })] });
  const { agent, log } = await start(plan);
  await vi.waitFor(() => expect(accepted()).toBe(50), 10_000);
  const { remarks } = await agent.reload(planOf({ channels: [memoryPlan('c2')], sinks: [sink('k1', {}, 'c2')] }));
  expect(remarks).toEqual(['a1.channels.c1 is closed, and 50 events in it are lost.']);
  expect(log.lines).toContain(remarks[0]);
});

test('a channel may be renamed under load, and again before its sink is done with the one before', async () => {
  const load = { source: { until: 1_000, pauseMs: 10 } };
  const { agent, plan, heal, accepted, delivered, lost } = await renamedUnderLoad(['c2', 'c3', 'c4'], load);
  expect(agent.plan.channels.map(({ name }) => name).toSorted()).toEqual(['c1', 'c2', 'c3', 'c4']);
  heal();
  await vi.waitFor(() => expect(agent.plan).toEqual(plan('c4')), 10_000);
  await vi.waitFor(() => expect(delivered()).toHaveLength(accepted()), 10_000);
  expect(lost()).toBe(0);
  expect(delivered()).toEqual(delivered().toSorted((a, b) => a - b));
}, 40_000);

test.for([
  ['file', filePlan],
  ['jdbc', jdbcPlan],
] as const)('a %s channel with other settings goes on with what is in it', async ([, durable]) => {
  const directory = scratch();
  const { agent, plan, heal, delivered } = await stalled(durable('c1', directory));
  const channels = [durable('c1', directory, { transactionCapacity: 50 })];
  const { remarks } = await agent.reload({ ...plan, channels, sinks: [heal()] });
  expect(remarks).toEqual([]);
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 5_000);
});

test('one of two channels in a database may be opened again with other settings', async () => {
  const directory = scratch();
  const { agent, plan, heal, sink, delivered } = await stalled(jdbcPlan('c1', directory));
  const with2 = (keepAliveSeconds: number) => [
    jdbcPlan('c1', directory, { keepAliveSeconds }),
    jdbcPlan('c2', directory),
  ];
  const k2 = sink('k2', {}, 'c2');
  await agent.reload({ ...plan, channels: with2(1), sinks: [...plan.sinks, k2] });
  const { changes } = await agent.reload({ ...plan, channels: with2(2), sinks: [heal(), k2] });
  expect(changes.map(({ id }) => id)).toEqual(['a1.channels.c1', 'a1.sinks.k1', 'a1.sources.r1']);
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 5_000);
});

test('a file channel that goes elsewhere leaves its events, and that is told with their number and place', async () => {
  const [here, there] = [scratch(), scratch()];
  const { agent, plan, heal, delivered } = await stalled(filePlan('c1', here));
  const { remarks } = await agent.reload({ ...plan, channels: [filePlan('c1', there)] });
  expect(remarks).toEqual([expect.stringMatching(/ is in .*, and 50 events are not: they stay where it was before/)]);
  const removed = await agent.reload(planOf({ channels: [memoryPlan('c2')], sinks: [heal('k2', 'c2')] }));
  expect(removed.remarks).toEqual([]);
  await agent.reload({ ...plan, channels: [filePlan('c1', here)], sinks: [heal()] });
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 10_000);
});

test('a file channel may be renamed and keep its directory and its events', async () => {
  const directory = scratch();
  const { agent, heal, delivered } = await stalled(filePlan('c1', directory));
  const next = planOf({ channels: [filePlan('c9', directory)], sinks: [heal('k1', 'c9')] });
  const { remarks } = await agent.reload(next);
  expect(remarks).toEqual([expect.stringContaining('a1.channels.c1 is closed. Its 50 events stay in ')]);
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 2_000);
});

test.for([
  ['file', filePlan],
  ['jdbc', jdbcPlan],
] as const)('a channel that changes from memory to %s takes its events along', async ([, durable]) => {
  const close = vi.spyOn(MemoryChannel.prototype, 'close');
  onTestFinished(() => close.mockRestore());
  const { agent, plan, heal, delivered } = await stalled(memoryPlan('c1'));
  const channels = [durable('c1', scratch())];
  expect((await agent.reload({ ...plan, channels })).remarks).toEqual([]);
  // The channel that was, and the one that would have been needed had they not fitted.
  expect(close).toHaveBeenCalledTimes(2);
  expect(agent.status().channels[0]!.counters).toMatchObject({ queued: 50 });
  await agent.reload({ ...plan, channels, sinks: [heal()] });
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 5_000);
});

test('a channel that cannot be opened with its new settings keeps in memory what it has', async () => {
  const { agent, plan, heal, delivered } = await stalled(memoryPlan('c1'));
  const channels = [filePlan('c1', '/dev/null')];
  const { remarks } = await agent.reload({ ...plan, channels, sinks: [heal()] });
  expect(remarks).toEqual([expect.stringContaining('keeps its old settings')]);
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(50)), 10_000);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

test('two sources may exchange their ports', async () => {
  const [one, two] = [await freePort(), await freePort()];
  const plan = (r1: number, r2: number) =>
    planOf({ sources: [sourcePlan('r1', 'listening', { port: r1 }), sourcePlan('r2', 'listening', { port: r2 })] });
  const { agent } = await start(plan(one, two));
  await agent.reload(plan(two, one));
  expect(agent.status().sources.map(({ state, restarts }) => [state, restarts])).toEqual([
    ['running', 0],
    ['running', 0],
  ]);
});

test('a source that waits for a port begins at once when it is given another', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void squatter.close());
  await once(squatter, 'listening');
  const plan = (port: number) => planOf({ sources: [sourcePlan('r1', 'listening', { port })] });
  const { agent } = await start(plan((squatter.address() as { port: number }).port), { startRetryMs: 60_000 });
  await vi.waitFor(() => expect(agent.status().sources[0]).toMatchObject({ state: 'waiting' }), 10_000);
  const port = await freePort();
  await agent.reload(plan(port));
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  client.destroy();
});

test('a channel that could not be opened yet gives way to another', async () => {
  const broken = channelPlan('c1', { failing: sharedCells(1, 1_000) });
  const { source, sink, accepted } = flow();
  const plan = planOf({ channels: [broken], sinks: [sink()], sources: [source()] });
  const { agent } = await start(plan, { startRetryMs: 60_000 });
  await agent.reload({ ...plan, channels: [memoryPlan('c1')] });
  await vi.waitFor(() => expect(accepted()).toBeGreaterThan(0), 10_000);
});

test('a sink is stopped without draining, and what it had not taken comes in its next life', async () => {
  const { source, sink, delivered, accepted, lost } = flow();
  const slow = { batch: 10, delayMs: 50 };
  const plan = planOf({
    channels: [memoryPlan('c1')],
    sinks: [sink('k1', slow)],
    sources: [source('r1', { until: 5_000, batch: 100 })],
  });
  const { agent } = await start(plan, { drainTimeoutMs: 20_000 });
  await vi.waitFor(() => expect(accepted()).toBe(5_000), 10_000);
  const began = performance.now();
  await agent.reload({ ...plan, sinks: [sink()] });
  expect(performance.now() - began).toBeLessThan(10_000);
  await vi.waitFor(() => expect(delivered()).toEqual(numbersTo(5_000)), 5_000);
  expect(lost()).toBe(0);
});

test('reloads that are asked for together are one, and the last plan wins', async () => {
  const { source, sink } = flow();
  const plan = (batch: number) =>
    planOf({ channels: [memoryPlan('c1')], sinks: [sink('k1', { batch })], sources: [source()] });
  const { agent } = await start(plan(1));
  const results = await Promise.all([2, 3, 4, 5].map((batch) => agent.reload(plan(batch))));
  expect(new Set(results).size).toBe(1);
  expect(agent.plan).toEqual(plan(5));
});

test('a stop delivers also what is in a channel that still waits for its sink', async () => {
  const { agent, heal, delivered, lost } = await renamedUnderLoad(['c2', 'c3'], { drainTimeoutMs: 20_000 });
  heal();
  expect(await agent.stop()).toEqual({ stuck: [], lost: [] });
  expect(lost()).toBe(0);
  expect(delivered()).toEqual(delivered().toSorted((a, b) => a - b));
}, 40_000);

test('a stop in the middle of a reload wins, and delivers what the reload has left in memory', async () => {
  for (const afterMs of [0, 3, 5, 7, 10, 20, 40]) {
    const { source, sink, accepted, lost } = flow();
    const plan = (batch: number) =>
      planOf({
        channels: [memoryPlan('c1', { capacity: 5_000 + batch })],
        sinks: [sink('k1', { batch, delayMs: 5 })],
        sources: [source('r1', { batch: 50 })],
      });
    const { agent } = await start(plan(40), { drainTimeoutMs: 20_000 });
    await vi.waitFor(() => expect(accepted()).toBeGreaterThan(200), 10_000);
    const reloading = agent.reload(plan(50)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    expect(await agent.stop()).toEqual({ stuck: [], lost: [] });
    await reloading;
    expect(lost()).toBe(0);
    await expect(agent.reload(plan(60))).rejects.toMatchObject({ code: 'MR_LIFECYCLE' });
  }
}, 60_000);
