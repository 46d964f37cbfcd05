import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempDisposableSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, LineClient } from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Both, both, kinds } from './peers/both.ts';
import { type Kind, missingFlume, Peer } from './peers/peer.ts';
import { append, appendBatch, connectAvro, eventsOf, talk, talkOver } from './wire/avro.ts';
import { connectThrift, thriftCall } from './wire/thrift.ts';

/** The real Flume and Millrace run the same configuration, get the same input, and `/metrics` of both must say the same. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

const listeners = ['calls', 'relay', 'next', 'full', 'frames', 'lines', 'lines2', 'datagrams', 'text'] as const;
type Ports = Readonly<Record<(typeof listeners)[number] | 'metrics', number>>;
type Entries = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 *   calls ──▶ m1 ─▶ files       relay ──▶ disk ─▶ onward ─▶ next ─▶ m2 ─▶ files2       full ──▶ m3 (nobody)
 *   frames, numbers, lines, lines2, datagrams, text, command ──▶ m4 ─▶ nowhere
 */
function configuration(ports: Ports, directory: string): string {
  const made = (name: string) => {
    mkdirSync(join(directory, name), { recursive: true });
    return join(directory, name);
  };
  const on = (type: string, source: keyof Ports, channels: string, address = 'bind') => ({
    ...{ type, [address]: '127.0.0.1', [type === 'multiport_syslogtcp' ? 'ports' : 'port']: ports[source] },
    channels,
  });
  const files = (name: string) => ({ type: 'file_roll', 'sink.directory': made(name), 'sink.rollInterval': 0 });
  const parts = {
    sources: {
      calls: on('avro', 'calls', 'm1'),
      relay: on('avro', 'relay', 'disk'),
      next: on('avro', 'next', 'm2'),
      full: on('avro', 'full', 'm3'),
      frames: on('thrift', 'frames', 'm4'),
      numbers: { type: 'seq', totalEvents: 25, batchSize: 10, channels: 'm4' },
      lines: on('syslogtcp', 'lines', 'm4', 'host'),
      lines2: on('multiport_syslogtcp', 'lines2', 'm4', 'host'),
      datagrams: on('syslogudp', 'datagrams', 'm4', 'host'),
      text: on('netcat', 'text', 'm4'),
      command: { type: 'exec', command: 'seq 9', channels: 'm4' },
    },
    channels: {
      m1: { type: 'memory', capacity: 1_000 },
      m2: { type: 'memory', capacity: 1_000 },
      m3: { type: 'memory', capacity: 8, transactionCapacity: 6, 'keep-alive': 1 },
      m4: { type: 'memory', capacity: 1_000 },
      disk: { type: 'file', dataDirs: made('data'), checkpointDir: made('checkpoint') },
    },
    sinks: {
      files: { ...files('files'), channel: 'm1' },
      onward: { type: 'avro', hostname: '127.0.0.1', port: ports.next, 'batch-size': 4, channel: 'disk' },
      files2: { ...files('files2'), channel: 'm2' },
      nowhere: { type: 'null', channel: 'm4' },
    },
  };
  return Object.entries(parts)
    .flatMap(([of, components]) => [
      `a1.${of} = ${Object.keys(components).join(' ')}`,
      ...Object.entries(components).flatMap(([name, settings]) =>
        Object.entries(settings).map(([key, value]) => `a1.${of}.${name}.${key} = ${value}`),
      ),
    ])
    .join('\n');
}

/** Attributes that the input does not determine, or that differ on purpose, each with the reason. */
const notComparable: readonly (readonly [entry: RegExp, attribute: RegExp, reason: string])[] = [
  [/./, /^StartTime$/, 'each has its own'],
  [/^CHANNEL/, /^EventTakeAttemptCount$/, 'Flume counts looking into an empty channel; here nobody looks'],
  [/^SINK/, /^BatchEmptyCount$/, 'the same'],
  [/^SINK/, /^Batch(Complete|Underflow)Count$/, 'depends on when events come; and Flume’s file_roll does not count'],
  [/^SINK\.onward$/, /^(ConnectionFailedCount|EventWriteFail)$/, 'Flume’s sink connects before its peer listens'],
  [/^SOURCE/, /^OpenConnectionCount$/, 'Flume counts once a minute, and only for avro'],
  [/^SOURCE\.numbers$/, /^EventReceivedCount$/, 'Flume’s seq counts only what is accepted'],
];

describe.skipIf(missing !== undefined)('metrics, beside those of Flume', { timeout: 60_000 }, () => {
  const scratch = mkdtempDisposableSync(join(tmpdir(), 'millrace-metrics-'));
  let ports: Both<Ports>;
  let peers: Both<Peer>;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    ports = await both(async () => {
      const drawn = ['metrics', ...listeners].map(async (name) => [name, await freePort()] as const);
      return Object.fromEntries(await Promise.all(drawn)) as Ports;
    });
    peers = await both((kind) => {
      const settings = ['-Dflume.monitoring.type=http', `-Dflume.monitoring.port=${ports[kind].metrics}`];
      return new Peer(kind, configuration(ports[kind], join(scratch.path, kind)), settings);
    });
    await both(async (kind) => {
      for (const name of ['metrics', ...listeners] as const) {
        if (name !== 'datagrams') await peers[kind].listening(ports[kind][name]);
      }
      await feed(ports[kind]);
    });
    await both((kind) => vi.waitFor(async () => expect(await queued(kind)).toEqual([]), 20_000));
  }, 60_000);

  afterAll(async () => {
    await Promise.all(open.map((client) => client.close()));
    // Flume would wait for its sinks, and these wait for events.
    await both((kind) => peers?.[kind].stop(kind === 'Flume' ? 'SIGKILL' : 'SIGTERM'));
    scratch.remove();
  });

  /** Sends the same to each. The clients of `calls` and `lines` stay connected. */
  async function feed(to: Ports): Promise<void> {
    const batch = (events: number) => appendBatch(eventsOf(...Array(events).fill('x')));
    const staying = await connectAvro(to.calls);
    open.push(staying);
    await talkOver(staying, [append(eventsOf('a')[0]!), batch(5), append(eventsOf('b')[0]!)]);
    await talk(to.calls, [batch(3)]);
    await talk(to.relay, [batch(10), batch(2)]);
    const answers = await talk(to.full, [batch(5), batch(4), append(eventsOf('x')[0]!)]);
    expect(answers).toEqual(['OK', 'FAILED', 'OK']);

    const frames = await connectThrift(to.frames);
    await frames.ask(thriftCall('compact', 'append', eventsOf('a')));
    await frames.ask(thriftCall('compact', 'appendBatch', eventsOf('a', 'b', 'c')));
    await frames.close();

    const says = (number: number) => `<13>Feb  5 17:32:18 host program: message ${number}\n`;
    for (const [port, messages] of [
      [to.lines, 7],
      [to.lines2, 6],
    ] as const) {
      const client = await LineClient.connect(port);
      await client.write(Array.from({ length: messages }, (_, number) => says(number)).join(''));
      if (port === to.lines) open.push(client);
      else await client.close();
    }
    const text = await LineClient.connect(to.text);
    await text.write('one\ntwo\n');
    await text.lines(2);
    await text.close();

    const socket = createSocket('udp4');
    for (let number = 0; number < 5; number += 1) {
      await new Promise((sent) => socket.send(says(number).trim(), to.datagrams, '127.0.0.1', sent));
    }
    socket.close();
  }

  async function entries(kind: Kind): Promise<Entries> {
    const response = await fetch(`http://127.0.0.1:${ports[kind].metrics}/metrics`);
    return (await response.json()) as Entries;
  }

  /** Channels that have a sink and something in them, or have not had everything yet. */
  async function queued(kind: Kind): Promise<string[]> {
    const expected = { m1: 10, disk: 12, m2: 12, m4: 4 + 25 + 7 + 6 + 5 + 2 + 9 };
    const all = await entries(kind);
    return Object.entries(expected).flatMap(([channel, events]) => {
      const delivered = all[`CHANNEL.${channel}`]!['EventTakeSuccessCount'];
      return delivered === String(events) ? [] : [`${channel} has delivered ${delivered} of ${events}`];
    });
  }

  test('the same entries with the same attributes, and every value is text', async () => {
    const { Flume, Millrace } = await both(entries);
    const shapeOf = (all: Entries) =>
      Object.fromEntries(Object.entries(all).map(([key, entry]) => [key, Object.keys(entry).sort()]));
    expect(shapeOf(Millrace)).toEqual(shapeOf(Flume));
    for (const entry of Object.values(Millrace)) {
      for (const value of Object.values(entry)) expect(value).toBeTypeOf('string');
    }
  });

  test('the same values, as far as the input determines them', async () => {
    const comparable = (all: Entries) =>
      Object.fromEntries(
        Object.entries(all).map(([key, entry]) => [
          key,
          Object.fromEntries(
            Object.entries(entry).filter(
              ([attribute]) => !notComparable.some(([of, which]) => of.test(key) && which.test(attribute)),
            ),
          ),
        ]),
      );
    const { Flume, Millrace } = await both(entries);
    expect(comparable(Millrace)).toEqual(comparable(Flume));
  });

  /** `fetch` knows no TRACE. */
  async function answer(kind: Kind, method: string, path: string) {
    const asked = request({ host: '127.0.0.1', port: ports[kind].metrics, path, method, agent: false }).end();
    const [response] = await once(asked, 'response');
    response.resume();
    const type: string | undefined = response.headers['content-type'];
    return { status: response.statusCode as number, type: response.statusCode === 200 ? type : undefined };
  }

  const paths = ['/', '/metrics', '/METRICS', '/metrics?x=1', '/metrics/', '/nope'];
  test.for(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'])(
    '%s: the same answers',
    async (method) => {
      const { Flume, Millrace } = await both((kind) => Promise.all(paths.map((path) => answer(kind, method, path))));
      expect(Millrace).toEqual(Flume);
    },
  );

  test('the page at / is the same', async () => {
    const [Flume, Millrace] = await Promise.all(
      kinds.map(async (kind) => (await fetch(`http://127.0.0.1:${ports[kind].metrics}/`)).text()),
    );
    expect(Millrace).toBe(Flume);
  });
});
