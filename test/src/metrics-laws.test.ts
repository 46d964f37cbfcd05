import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePrometheus } from '@millrace/kernel/fixtures/prometheus-text';
import { eventually, LineClient, type RunningAgent, runAgent } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { describe, expect, test } from 'vitest';
import { scratchDirectory } from './file-channel/agent.ts';
import { Example } from './hops/example.ts';
import { appendBatch, eventsOf, talk } from './wire/avro.ts';

/** No event of any example is unaccounted for: what the figures of its agents say fits together when they have come to rest. */

/** Agents of one or more files of examples, which run together. */
interface Flow {
  readonly files: readonly string[];
  /** Sends events; `port` says where a port of the files is now. */
  feed(port: (inExample: number) => number): Promise<unknown>;
  /** The events that each agent gets, where it is not the same for all. Default: {@link EVENTS}. */
  readonly events?: Readonly<Record<string, number>>;
  /** Makes what the files name in this directory. */
  prepare?(directory: string): void;
  /** Lines to add to the files. */
  readonly more?: string;
}

const EVENTS = 40;
const root = fileURLToPath(new URL('../../examples', import.meta.url));

async function sendLines(port: number, line: (number: number) => string): Promise<LineClient> {
  const client = await LineClient.connect(port);
  await client.write(Array.from({ length: EVENTS }, (_, number) => `${line(number)}\n`).join(''));
  return client;
}

/** Sends lines to a netcat source. */
async function netcat(port: number): Promise<void> {
  const client = await sendLines(port, (number) => `line ${number}`);
  expect(await client.lines(EVENTS)).toEqual(Array(EVENTS).fill('OK'));
  await client.close();
}

const flows: readonly Flow[] = [
  { files: ['netcat-logger.conf'], feed: (port) => netcat(port(44_444)) },
  { files: ['netcat-file-roll.conf'], feed: (port) => netcat(port(44_444)) },
  { files: ['interceptors-logger.conf'], feed: (port) => netcat(port(44_444)) },
  { files: ['avro-cascade.conf'], feed: (port) => netcat(port(44_444)) },
  { files: ['thrift-cascade.conf'], feed: (port) => netcat(port(44_444)) },
  {
    files: ['avro-tls.conf'],
    feed: (port) => netcat(port(44_444)),
    prepare(directory) {
      const { key, certificate } = certified('b');
      writeFileSync(join(directory, 'b.p12'), key + certificate);
      writeFileSync(join(directory, 'trust.pem'), certificate);
    },
  },
  {
    files: ['avro-logger.conf'],
    feed: (port) => talk(port(41_414), [appendBatch(eventsOf(...Array(EVENTS).fill('x')))]),
  },
  {
    files: ['fan-in.conf'],
    feed: (port) => Promise.all([44_441, 44_442, 44_443].map((web) => netcat(port(web)))),
    events: { collector: 3 * EVENTS },
    prepare: (directory) => mkdirSync(join(directory, 'events')),
  },
  {
    // Any agent of this chain may be Flume's or Millrace's; here all are Millrace's.
    files: ['1-flume', '2-millrace', '3-flume', '4-millrace'].map((name) => `mixed-chain/${name}.conf`),
    feed: (port) => netcat(port(44_444)),
  },
  {
    files: ['rsyslog-logger.conf'],
    async feed(port) {
      const client = await sendLines(
        port(5_140),
        (number) => `<13>1 2026-01-02T03:04:05Z host program - - - ${number}`,
      );
      await client.close();
    },
  },
  {
    files: ['exec-logger.conf'],
    feed: async () => {},
    prepare: (directory) => writeFileSync(join(directory, 'app.log'), 'a line\n'.repeat(EVENTS)),
  },
  {
    files: ['exec-restart.conf'],
    feed: async () => {},
    more: `a1.sources.load.command = seq ${EVENTS}\na1.sources.load.restart = false`,
  },
  { files: ['stress-null.conf'], feed: async () => {}, more: `a1.sources.load.maxTotalEvents = ${EVENTS}` },
  { files: ['seq-null.conf'], feed: async () => {}, more: `a1.sources.numbers.totalEvents = ${EVENTS}` },
];

/** The figures of one component, and what it is wired to. */
interface Component {
  readonly name: string;
  readonly kind: 'source' | 'channel' | 'sink';
  readonly channels: readonly string[];
  figure(name: string): number;
}

/** What an agent says about itself to Prometheus. */
async function componentsOf(agent: RunningAgent, text: string, name: string): Promise<Component[]> {
  const port = agent.log.find(({ msg }) => msg.startsWith('Metrics are at'))!['port'];
  const response = await fetch(`http://127.0.0.1:${port}/metrics/prometheus`);
  const families = parsePrometheus(await response.text());
  const up = families.find((family) => family.name === 'millrace_component_up')!.metrics;
  return up.map(({ labels }) => {
    const { kind, component } = labels as { kind: Component['kind']; component: string };
    const wires = new RegExp(`^${name}\\.${kind}s\\.${component}\\.channels? = (.*)$`, 'm').exec(text)?.[1] ?? '';
    return {
      name: component,
      kind,
      channels: wires.split(' '),
      figure(wanted) {
        const series = families.find((family) => family.name === wanted)?.metrics ?? [];
        const own = series.filter((one) => one.labels!['kind'] === kind && one.labels!['component'] === component);
        return own.reduce((sum, { value }) => sum + Number(value), 0);
      },
    };
  });
}

/** Both sides of each law, for the components of one agent at rest. */
function lawsOf(components: readonly Component[]): (readonly [law: string, left: number, right: number])[] {
  const of = (kind: Component['kind']) => components.filter((component) => component.kind === kind);
  const sum = (component: Component, ...figures: string[]) =>
    figures.reduce((total, name) => total + component.figure(name), 0);
  const at = (kind: Component['kind'], channel: Component, figure: string) =>
    of(kind)
      .filter(({ channels }) => channels.includes(channel.name))
      .reduce((total, component) => total + component.figure(figure), 0);

  return [
    ...of('source').map((source) => {
      const parts = ['rejected', 'filtered'].map((part) => `millrace_source_events_${part}_total`);
      const right = sum(source, 'Flume_EventAcceptedCount_total', ...parts);
      const law = `${source.name}: received = accepted + rejected + filtered`;
      return [law, source.figure('Flume_EventReceivedCount_total'), right] as const;
    }),
    ...of('channel').flatMap((channel) => {
      const put = channel.figure('Flume_EventPutSuccessCount_total');
      const committed = channel.figure('Flume_EventTakeSuccessCount_total');
      const has = ['queued', 'leased'].map((part) => `millrace_channel_events_${part}`);
      const left = sum(channel, 'Flume_EventPutSuccessCount_total', 'millrace_channel_events_recovered_total');
      const right = committed + sum(channel, ...has, 'millrace_channel_events_lost_total');
      const accepted = at('source', channel, 'Flume_EventAcceptedCount_total');
      const delivered = at('sink', channel, 'Flume_EventDrainSuccessCount_total');
      return [
        [`${channel.name}: put + recovered = committed + queued + leased + lost`, left, right] as const,
        [`${channel.name}: accepted by its sources = put`, accepted, put] as const,
        [`${channel.name}: delivered by its sinks = committed`, delivered, committed] as const,
      ];
    }),
    ...of('sink').map((sink) => {
      const right = sum(sink, 'Flume_EventDrainSuccessCount_total', 'millrace_sink_events_returned_total');
      const law = `${sink.name}: taken = delivered + returned`;
      return [law, sink.figure('Flume_EventDrainAttemptCount_total'), right] as const;
    }),
  ];
}

test('every example is driven here', () => {
  const driven = flows.flatMap(({ files }) => files).sort();
  const examples = globSync('**/*.conf', { cwd: root }).sort();
  expect(driven, 'add what feeds the new example to `flows` in this file').toEqual(examples);
});

describe('the laws of the figures hold', { timeout: 60_000 }, () => {
  test.for(flows.map((flow) => [flow.files[0]!, flow] as const))('%s', async ([, flow]) => {
    using scratch = scratchDirectory();
    flow.prepare?.(scratch.path);
    const examples = await Example.read(flow.files, scratch.path);
    await using running = new AsyncDisposableStack();
    const args = ['-Dflume.monitoring.type=http', '-Dflume.monitoring.port=0'];
    const named = examples.flatMap(({ text }) =>
      [...text.matchAll(/^(\w+)\.sources = /gm)].map(([, name]) => ({ name: name!, text })),
    );
    const agents = await Promise.all(
      named.map(async ({ name, text }) => {
        const agent = await runAgent(`${text}\n${flow.more ?? ''}`, { name, args });
        return { name, text, agent: running.use(agent) };
      }),
    );
    await flow.feed((port) => examples[0]!.ports.get(port)!);

    for (const { name, text, agent } of agents) {
      const events = flow.events?.[name] ?? EVENTS;
      let components: Component[] = [];
      await eventually(async () => {
        components = await componentsOf(agent, text, name);
        const delivered = components.map((component) => component.figure('Flume_EventDrainSuccessCount_total'));
        return delivered.reduce((sum, figure) => sum + figure, 0);
      }).toBe(events);
      await eventually(async () => {
        const laws = lawsOf(await componentsOf(agent, text, name));
        return laws
          .filter(([, left, right]) => left !== right)
          .map(([law, ...sides]) => `${law}: ${sides.join(' ≠ ')}`);
      }).toEqual([]);

      expect(await agent.stop()).toEqual({ code: 0, signal: null });
      const told = agent.log.filter(({ msg }) => msg === 'Its figures at the end.').map(({ component }) => component);
      expect(told.sort()).toEqual(components.map((one) => `${name}.${one.kind}s.${one.name}`).sort());
    }
  });
});
