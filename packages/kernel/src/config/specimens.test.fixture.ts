import { facts } from '../fixtures/facts.ts';
import { counter, defineChannel, defineInterceptor, defineSink, defineSource, property } from '../spec.ts';
import { count, flag, host as hostName, long, pattern, port, seconds, text } from '../types.ts';
import { type PlanOptions, planTexts } from './load.ts';
import type { Registration } from './plan-types.ts';
import { createRegistry } from './registry.ts';
import { renderDiagnostics } from './render.ts';

const stability = 'stable';

const netcat = defineSource({
  facts: facts.source,
  type: 'netcat',
  classNames: ['org.apache.flume.source.NetcatSource'],
  summary: 'Turns lines into events.',
  stability,
  drive: 'event',
  properties: {
    host: property('bind', hostName, 'Address to listen on.'),
    port: property('port', port, 'TCP port to listen on.'),
    lineCharactersMax: property('max-line-length', count.default(512), 'Longest line.'),
    acknowledge: property('ack-every-event', flag.default(true), 'Answer `OK`.'),
  },
  metrics: { overlong: counter('source_lines_overlong_total', 'Lines refused.') },
});

const seq = defineSource({
  facts: facts.source,
  type: 'seq',
  classNames: ['org.apache.flume.source.SequenceGeneratorSource'],
  summary: 'Counts.',
  stability,
  drive: 'polling',
  batch: 'batchSize',
  properties: { batchSize: property('batchSize', count.default(1), 'Events in one transaction.') },
  metrics: {},
});

const nullSink = defineSink({
  facts: facts.sink,
  type: 'null',
  classNames: ['org.apache.flume.sink.NullSink'],
  summary: 'Discards events.',
  stability,
  lingerMs: 0,
  batch: 'batchSize',
  properties: {
    batchSize: property('batchSize', count.default(100), 'Events in one transaction.'),
    label: property('label', text.default(''), 'Any text.'),
    password: property('password', text.default(''), 'A secret.'),
  },
  metrics: {},
});

const memory = defineChannel({
  facts: facts.channel,
  type: 'memory',
  classNames: ['org.apache.flume.channel.MemoryChannel'],
  summary: 'Keeps events in memory.',
  stability,
  batch: 'transactionCapacity',
  properties: {
    capacity: property('capacity', count.default(100), 'Most events.', { whenBad: 'default' }),
    transactionCapacity: property('transactionCapacity', count.default(100), 'Most events in one transaction.', {
      whenBad: 'default',
    }),
    byteCapacity: property('byteCapacity', long(0n).optional(), 'Most bytes.', { whenBad: 'default' }),
    keepAliveSeconds: property('keep-alive', seconds.default(3), 'How long a put waits.'),
  },
  metrics: {},
  check: ({ capacity, transactionCapacity }) =>
    transactionCapacity > capacity
      ? [`transactionCapacity (${transactionCapacity}) is more than capacity (${capacity}): raise capacity`]
      : [],
});

const host = defineInterceptor({
  type: 'host',
  classNames: ['org.apache.flume.interceptor.HostInterceptor$Builder'],
  summary: 'Sets a header.',
  stability,
  properties: {
    header: property('hostHeader', text.default('host'), 'Its name.'),
    matching: property('matching', pattern.optional(), 'A pattern.'),
  },
  metrics: {},
});

const registration = (spec: Registration['spec']): Registration => ({
  spec,
  module: new URL(`file:///${spec.type}.js`),
});

/** Some components for tests of the configuration, in the manner of real ones. */
export const registry = createRegistry(
  [netcat, seq].map(registration),
  [nullSink].map(registration),
  [memory].map(registration),
  [host].map(registration),
);

/** Plans one file's text with these components. */
export function planText(source: string, options: Partial<PlanOptions> = {}) {
  const texts = new Map([['flume.conf', Buffer.from(source, 'latin1')]]);
  const surroundings = { environment: new Map<string, string>(), system: new Map<string, string>() };
  return { ...planTexts(texts, { ...surroundings, registry, ...options }), texts };
}

/** A configuration in which everything is right, to be spoiled by replacing lines or adding some. */
const sound = {
  sources: 'a1.sources = r1',
  channels: 'a1.channels = c1',
  sinks: 'a1.sinks = k1',
  r1: 'a1.sources.r1.type = netcat',
  bind: 'a1.sources.r1.bind = localhost',
  port: 'a1.sources.r1.port = 44444',
  puts: 'a1.sources.r1.channels = c1',
  c1: 'a1.channels.c1.type = memory',
  k1: 'a1.sinks.k1.type = null',
  takes: 'a1.sinks.k1.channel = c1',
};

/** Everything said about the sound configuration with these changes, and what of it runs all the same. */
export function broken(changes: Partial<typeof sound>, ...more: string[]): string {
  const lines = [...Object.values({ ...sound, ...changes }), ...more];
  const { diagnostics, texts, plans } = planText(lines.filter((line) => line !== '').join('\n'));
  const running = [...plans.values()].map(
    ({ agent, channels, sources, sinks }) =>
      `${agent}: ${[...sources, ...channels, ...sinks].map(({ name }) => name).join(' ')}`,
  );
  return `${renderDiagnostics(diagnostics, texts)}\nruns ${running.join(', ') || 'nothing'}`;
}
