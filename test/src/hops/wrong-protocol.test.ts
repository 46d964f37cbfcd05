import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { deflateSync } from 'node:zlib';
import { type AgentLogLine, eventually, LineClient, type RunningAgent, runAgent } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, pause } from '../faults/agent.ts';
import { scratchDirectory } from '../file-channel/agent.ts';
import { append, connectAvro, eventsOf, handshake, message, read } from '../wire/avro.ts';
import { connectThrift, thriftCall, thriftStatus } from '../wire/thrift.ts';
import { agentOf, listening, sendingTo } from './tier.ts';

const scratch = scratchDirectory();
const store = join(scratch.path, 'store.pem');
const memory = 'type = memory\n capacity = 10000';

const deflate = 'compression-type = deflate';
const tls = `ssl = true\n keystore = ${store}\n keystore-password = none`;
/** Sources, by what they understand. */
const sources = {
  Avro: ['avro', ''],
  'Avro, compressed': ['avro', deflate],
  'Avro over TLS': ['avro', tls],
  'Avro over TLS, compressed': ['avro', `${tls}\n ${deflate}`],
  'compact Thrift': ['thrift', ''],
  'binary Thrift': ['thrift', 'protocol = binary'],
  'Thrift over TLS': ['thrift', tls],
} as const;
type Source = keyof typeof sources;
const names = Object.keys(sources) as Source[];
const nameOf = (source: Source) => `r${names.indexOf(source)}`;

const events = eventsOf('one', 'two');
const avroCall = message(1, append(events[0]!, handshake()));
const clientHello = () =>
  new Promise<Buffer>((resolve) => {
    const wire = new Duplex({ read() {}, write: (bytes) => resolve(bytes) });
    connectTls({ socket: wire }).on('error', () => {});
  });
/** What clients send that have taken a port for another, and how that looks to those who are told of it. */
const strangers = {
  HTTP: { bytes: () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), looks: /HTTP/ },
  text: { bytes: () => Buffer.from('Hello world!\nThis is a line of text.\n'), looks: /text/ },
  TLS: { bytes: clientHello, looks: /TLS/ },
  Avro: { bytes: () => avroCall, looks: /Avro/ },
  'compressed Avro': { bytes: () => deflateSync(avroCall), looks: /zlib|deflate|compress/ },
  'compact Thrift': { bytes: () => thriftCall('compact', 'appendBatch', events), looks: /Thrift/ },
  'binary Thrift': { bytes: () => thriftCall('binary', 'appendBatch', events), looks: /Thrift/ },
};
type Stranger = keyof typeof strangers;
/** Where what is sent is right, or right as far as it goes. */
const welcome: Readonly<Record<Source, readonly Stranger[]>> = {
  Avro: ['Avro'],
  'Avro, compressed': ['compressed Avro'],
  'Avro over TLS': ['TLS'],
  'Avro over TLS, compressed': [],
  'compact Thrift': ['compact Thrift'],
  'binary Thrift': ['binary Thrift'],
  'Thrift over TLS': ['TLS'],
};
const mistakes = names.flatMap((source) =>
  (Object.keys(strangers) as Stranger[])
    .filter((stranger) => !welcome[source].includes(stranger))
    .map((stranger) => ({ source, stranger })),
);

/** What a line says, in all its parts. */
const textOf = ({ msg, error, looksLike }: AgentLogLine) =>
  [msg, (error as Error | undefined)?.message, looksLike].filter((part) => part !== undefined).join(' – ');

let agent: RunningAgent;
beforeAll(async () => {
  const { key, certificate } = certified('server');
  writeFileSync(store, key + certificate);
  agent = await runAgent(
    agentOf({
      sources: Object.fromEntries(
        names.map((name) => [nameOf(name), listening(sources[name][0], 'c1', sources[name][1])]),
      ),
      channels: { c1: memory },
      sinks: { k1: 'type = null\n channel = c1' },
    }),
  );
}, 30_000);
afterAll(async () => {
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  scratch.remove();
});

/** Whether clients of Avro and of Thrift that are there all the time are answered. */
async function neighbours() {
  const avro = await connectAvro(agent.port(nameOf('Avro')));
  await avro.ask(avroCall);
  const thrift = await connectThrift(agent.port(nameOf('compact Thrift')));
  return {
    async expectWell() {
      const reply = await avro.ask(message(2, append(events[0]!)));
      expect(read(reply!, { handshakes: false })).toEqual({ result: 'OK' });
      const answer = await thrift.ask(thriftCall('compact', 'append', events.slice(0, 1)));
      expect(answer).toEqual(thriftStatus('compact', 'append', 'OK'));
    },
    close: () => Promise.all([avro.close(), thrift.close()]),
  };
}

test.for(mistakes)(
  '$stranger at a port for $source: one line says so, and the connection ends',
  async ({ source, stranger }) => {
    const others = await neighbours();
    const { bytes, looks } = strangers[stranger];
    const before = complaints(agent).length;
    const client = await LineClient.connect(agent.port(nameOf(source)));
    await client.write(await bytes());
    await Promise.race([client.closed, pause(3_000).then(() => Promise.reject(new Error('The connection stays.')))]);
    await eventually(() => complaints(agent).length).toBe(before + 1);
    const line = agent.log.filter(({ level }) => level === 'warn' || level === 'error').at(-1)!;
    expect(line.component).toBe(`a1.sources.${nameOf(source)}`);
    expect(textOf(line)).toMatch(source.includes('TLS') ? new RegExp(`${looks.source}|does not speak TLS`) : looks);
    await others.expectWell();
    await others.close();
    expect(complaints(agent)).toHaveLength(before + 1);
  },
);

const trusting = 'ssl = true\n trust-all-certs = true';
test('a sink that speaks to the wrong port says what is wrong, and tries on', async () => {
  const wrong: readonly [type: 'avro' | 'thrift', properties: string, to: Source][] = [
    ['avro', '', 'compact Thrift'],
    ['avro', '', 'Avro over TLS'],
    ['avro', '', 'Avro, compressed'],
    ['avro', trusting, 'Avro'],
    ['avro', deflate, 'Avro'],
    ['avro', `${trusting}\n ${deflate}`, 'Avro over TLS'],
    ['thrift', '', 'Avro'],
    ['thrift', '', 'binary Thrift'],
    ['thrift', 'protocol = binary', 'compact Thrift'],
    ['thrift', '', 'Thrift over TLS'],
    ['thrift', `${trusting}\n truststore = ${store}\n truststore-password = none`, 'compact Thrift'],
  ];
  const channels = wrong.map((_, number) => `c${number}`);
  await using upper = await runAgent(
    agentOf({
      sources: { r1: listening('netcat', channels.join(' ')) },
      channels: Object.fromEntries(channels.map((channel) => [channel, memory])),
      sinks: Object.fromEntries(
        wrong.map(([type, properties, to], number) => [
          `k${number}`,
          sendingTo(
            agent.port(nameOf(to)),
            type,
            `c${number}`,
            `connect-timeout = 1000\n request-timeout = 1000\n ${properties}`,
          ),
        ]),
      ),
    }),
  );
  const client = await LineClient.connect(upper.port('r1'));
  await client.write('one line\n');
  expect(await client.lines(1)).toEqual(['OK']);
  const complaintsOf = (number: number) =>
    upper.log.filter(({ level, component }) => level !== 'info' && component === `a1.sinks.k${number}`);
  for (const number of wrong.keys()) {
    await eventually(() => complaintsOf(number).map(textOf)).toEqual([
      expect.stringMatching(
        /^Delivery failed.* look whether it is a.* source .* with the same settings for TLS and compression/,
      ),
    ]);
  }
  await client.close();
});
