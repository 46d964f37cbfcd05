import { expect, test } from 'vitest';
import { parsePrometheus } from '../fixtures/prometheus-text.ts';
import { agentStatus, channelStatus, meteredStatus, specs } from '../fixtures/status.ts';
import { prometheusMetrics } from './prometheus.ts';

const sampleOf = (text: string, name: string) => parsePrometheus(text).find((family) => family.name === name)?.metrics;

test('what Flume has is named after it, everything else after Millrace, and counters say that they count', () => {
  const text = prometheusMetrics(
    agentStatus({ sources: [meteredStatus(specs.listener, 'r1', { received: 7, rejected: 2, connections: 3 })] }),
  );
  const labels = { agent: 'a1', kind: 'source', component: 'r1' };
  expect(sampleOf(text, 'Flume_EventReceivedCount_total')).toEqual([{ labels, value: '7' }]);
  expect(sampleOf(text, 'millrace_source_events_rejected_total')).toEqual([{ labels, value: '2' }]);
  expect(sampleOf(text, 'Flume_OpenConnectionCount')).toEqual([{ labels, value: '3' }]);
  const types = Object.fromEntries(parsePrometheus(text).map(({ name, type }) => [name, type]));
  expect(types).toMatchObject({
    Flume_EventReceivedCount_total: 'COUNTER',
    Flume_OpenConnectionCount: 'GAUGE',
    millrace_component_up: 'GAUGE',
    millrace_component_restarts_total: 'COUNTER',
  });
});

test('components of which Flume has no entry are there too', () => {
  const text = prometheusMetrics(agentStatus({ sinks: [meteredStatus(specs.unlisted, 'k1', { taken: 4 })] }));
  expect(sampleOf(text, 'Flume_EventDrainAttemptCount_total')).toMatchObject([{ value: '4' }]);
});

test('every name is described once, before its series, and they stand together', () => {
  const sinks = ['k1', 'k2', 'k3'].map((name) => meteredStatus(specs.sender, name));
  const lines = prometheusMetrics(agentStatus({ sinks, channels: [channelStatus('c1', { put: 1 })] })).split('\n');
  const names = lines.map((line) => /^(?:# (?:HELP|TYPE) )?(\w*)/.exec(line)![1]!);
  const runs = names.filter((name, at) => name !== names[at - 1]);
  expect(new Set(runs).size).toBe(runs.length);
  for (const name of new Set(runs.filter(Boolean))) {
    const [help, type, ...series] = lines.filter((_, at) => names[at] === name);
    expect(help).toMatch(new RegExp(`^# HELP ${name} .+\\.$`));
    expect(type).toBe(`# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`);
    expect(new Set(series.map((line) => line.split(' ')[0])).size).toBe(series.length);
  }
});

test('a name with quotes, backslashes, line ends or letters of any script comes back as it was', () => {
  const name = 'a"b\\c\nd{e},日本 \\n';
  const text = prometheusMetrics(agentStatus({ name, sinks: [meteredStatus(specs.sender, name)] }));
  expect(sampleOf(text, 'millrace_component_up')).toMatchObject([{ labels: { agent: name, component: name } }]);
});

test('a figure that a channel cannot tell is left out', () => {
  const text = prometheusMetrics(agentStatus({ channels: [channelStatus('c1', { put: 3, capacity: 0 })] }));
  expect(text).toContain('Flume_EventPutSuccessCount_total');
  expect(text).not.toContain('Flume_ChannelFillPercentage');
  expect(text).not.toContain('undefined');
});
