import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { connect } from '@millrace/rpc';
import {
  configOf,
  eventually,
  LineClient,
  openSource,
  ScratchChannel,
  type Settings,
  type SourcePeer,
  sourceContract,
} from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { avro } from './spec.ts';

const registration: Registration = { spec: avro, module: new URL('./source.js', import.meta.url) };
const settings = { bind: '127.0.0.1', port: 0 };

/** Serial, two buffers: the metadata, and whether all went well with the status. */
const ANSWER_BYTES = 19;
const HASH = '86aadae2c45474c0fe93ffd0f2350a65';
/** A handshake that calls nothing, and its answer. */
const HELLO = Buffer.from(`00000000${'00000001'}${'00000024'}${HASH}00${HASH}00${'0000'}`, 'hex');
const HELLO_ANSWER_BYTES = 16;

function append(body: string): Buffer {
  const call = Buffer.concat([Buffer.from('\0\x0cappend\0'), Buffer.of(body.length * 2), Buffer.from(body)]);
  const head = Buffer.from('000000010000000100000000', 'hex');
  head.writeUInt32BE(call.length, 8);
  return Buffer.concat([head, call]);
}

const peer: SourcePeer = {
  settings: (port) => ({ bind: '127.0.0.1', port }),
  async connect(port) {
    const client = await LineClient.connect(port);
    await client.write(HELLO);
    let read = HELLO_ANSWER_BYTES;
    return {
      async send(bodies) {
        await client.write(Buffer.concat(bodies.map(append)));
        const wanted = read + bodies.length * ANSWER_BYTES;
        await Promise.race([client.closed, eventually(() => client.received().length).toBe(wanted)]);
        const statuses: number[] = [];
        for (; read + ANSWER_BYTES <= client.received().length; read += ANSWER_BYTES) {
          statuses.push(client.received()[read + ANSWER_BYTES - 1]!);
        }
        return statuses.map((status) => (status === 0 ? 'accepted' : 'refused'));
      },
      close: () => client.close(),
    };
  },
};

sourceContract(registration, peer);

/** A source over a channel that holds what it is given, and the port it listens on. */
async function stage(more: Settings = {}, channel = new ScratchChannel()) {
  const source = await openSource(registration, { ...settings, ...more }, { required: [channel] });
  const listening = source.log.lines.find(({ message }) => message === 'Listening.');
  const { port } = listening!.fields['address'] as { port: number };
  return {
    channel,
    source,
    port,
    connect: (more: Partial<Parameters<typeof connect>[0]> = {}) =>
      connect({ protocol: 'avro', host: '127.0.0.1', port, ...more }),
    async [Symbol.asyncDispose]() {
      await source.stop();
      channel[Symbol.dispose]();
    },
  };
}

describe('a request', () => {
  test('is a transaction: all of its events are in the channel, with their headers, or none', async () => {
    await using it = await stage({}, new ScratchChannel({ capacity: 3, transactionCapacity: 3 }));
    const client = await it.connect();
    const events = ['a', 'b'].map((body) => ({ headers: { of: body, größe: 'ü' }, body }));
    await client.appendBatch(events);
    await expect(client.appendBatch(events)).rejects.toThrow('FAILED');
    expect(it.channel.take()).toEqual(events);
    const other = await it.connect();
    await other.append({ body: 'c' });
    expect(it.channel.takeBodies()).toEqual(['c']);
    expect(it.source.figures()).toMatchObject({
      received: 5,
      accepted: 3,
      rejected: 2,
      connections: 1,
      appendReceived: 1,
      appendAccepted: 1,
      batchReceived: 2,
      batchAccepted: 1,
      writeFailed: 1,
    });
    await other.close();
    await eventually(() => it.source.figures()['connections']).toBe(0);
  });

  test('that is longer than a transaction of the channel is refused', async () => {
    await using it = await stage({}, new ScratchChannel({ transactionCapacity: 2 }));
    const client = await it.connect();
    await expect(client.appendBatch(['a', 'b', 'c'].map((body) => ({ body })))).rejects.toThrow('FAILED');
    expect(it.channel.takeBodies()).toEqual([]);
  });

  test('longer than maxInFlightBytes ends its connection, and says so', async () => {
    await using it = await stage({ maxInFlightBytes: 100_000 });
    const client = await it.connect();
    await expect(client.append({ body: 'x'.repeat(200_000) })).rejects.toThrow();
    expect(it.source.log.lines.some(({ level }) => level === 'warn')).toBe(true);
    await (await it.connect()).append({ body: 'fine' });
    expect(it.channel.takeBodies()).toEqual(['fine']);
  });
});

test('compression-type = deflate is spoken with clients that compress', async () => {
  await using it = await stage({ 'compression-type': 'deflate' });
  const client = await it.connect({ layers: { compressionLevel: 6 } });
  await client.append({ body: 'small'.repeat(10_000) });
  expect(it.channel.takeBodies()).toEqual(['small'.repeat(10_000)]);
  await client.close();
});

describe('ipFilter', () => {
  test('closes the connections it refuses, and lets others in', async () => {
    await using refusing = await stage({ ipFilter: true, ipFilterRules: 'allow:ip:10.*,deny:ip:127.*' });
    const socket = connectSocket(refusing.port, '127.0.0.1').resume();
    await once(socket, 'close');
    await using allowing = await stage({ ipFilter: true, ipFilterRules: 'allow:name:localhost, deny:ip:*' });
    await (await allowing.connect()).append({ body: 'in' });
    expect(allowing.channel.takeBodies()).toEqual(['in']);
  });

  test('asks nobody when it is off', async () => {
    await using it = await stage({ ipFilterRules: 'deny:ip:*' });
    await (await it.connect()).append({ body: 'in' });
  });

  const check = (rules?: string) =>
    avro.check!(configOf(avro, { ...settings, ipFilter: true, ...(rules && { ipFilterRules: rules }) }) as never);

  test('needs rules, and every bad one is named', () => {
    expect(check('allow:ip:1.*,DENY:NAME:*')).toEqual([]);
    expect(check()).toEqual([expect.stringContaining('there are no ipFilterRules')]);
    expect(check('allow:ip:1.*,permit:ip:*,deny:host:*,deny:ip:,nothing')).toEqual([
      expect.stringContaining('"permit:ip:*"'),
      expect.stringContaining('"deny:host:*"'),
      expect.stringContaining('"deny:ip:"'),
      expect.stringContaining('"nothing"'),
    ]);
  });
});
