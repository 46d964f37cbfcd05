import type { AgentReport, ChannelReport, WorkerReport } from '@millrace/kernel/control/messages';
import { expect, test } from 'vitest';
import { printable } from '../print.ts';
import { renderReport } from './table.ts';

const NOW_MS = 1_800_000_000_000;

const component = { startedAtMs: NOW_MS - 90_000, lastError: null, state: 'running' } as const;
const source = {
  ...component,
  kind: 'source',
  id: 'a1.sources.r1',
  name: 'r1',
  type: 'netcat',
  restarts: 0,
  channels: ['c1', 'c2'],
  figures: { accepted: 1_234_567 },
  eventsPerSecond: 1_234.567,
} satisfies WorkerReport;
const channel = {
  ...component,
  kind: 'channel',
  id: 'a1.channels.c1',
  name: 'c1',
  type: 'jdbc',
  figures: {},
  durable: true,
  capacity: 1_000,
  queued: 123,
  fillPercent: 12.3,
  oldestMs: 3_725_000,
  inPerSecond: 0.123,
  outPerSecond: 0,
} satisfies ChannelReport;
const sink = {
  ...component,
  kind: 'sink',
  id: 'a1.sinks.k1',
  name: 'k1',
  type: 'avro',
  state: 'waiting',
  restarts: 1_500,
  channels: ['c1'],
  figures: {},
  eventsPerSecond: 0,
  lastError: { code: 'MR_PEER_LOST', message: 'The connection is lost: \u001b[2J\u0007gone.' },
} satisfies WorkerReport;
const report = {
  agent: 'a1',
  version: '1.2.3',
  pid: 4711,
  state: 'running',
  startedAtMs: NOW_MS - 100_000,
  sources: [source],
  channels: [channel, { ...channel, name: 'c2', capacity: null, fillPercent: null, queued: 0 }],
  sinks: [sink],
} satisfies AgentReport;

test('people see figures that they can read, and why something does not run', () => {
  expect(printable(renderReport(report, NOW_MS))).toMatchInlineSnapshot(`
    "a1 is running: process 4711, started 1 min 40 s ago, Millrace 1.2.3

    source               accepted  per second  restarts  state
    r1 netcat → c1, c2  1,234,567       1,230         0  running

    channel  queued  fill     oldest  in per second  out per second  state
    c1 jdbc     123  12 %  1 h 2 min          0.123               0  running
    c2 jdbc       0                           0.123               0  running

    sink          delivered  per second  restarts  state
    k1 avro ← c1          0           0     1,500  waiting

    a1.sinks.k1 is waiting: The connection is lost: �[2J�gone.
    "
  `);
});

test('an agent that has nothing yet is still one', () => {
  const starting = { ...report, state: 'starting', sources: [], channels: [], sinks: [] } as const;
  expect(renderReport(starting, NOW_MS)).toBe('a1 is starting: process 4711, started 1 min 40 s ago, Millrace 1.2.3\n');
});
