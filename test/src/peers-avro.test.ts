import { createHash } from 'node:crypto';
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Both, both, kinds, other } from './peers/both.ts';
import { comparable, oddEvents } from './peers/events.ts';
import { type Hop, HopPair } from './peers/hop-pair.ts';
import { KeyStores } from './peers/key-stores.ts';
import { missingFlume, run } from './peers/peer.ts';
import {
  append,
  appendBatch,
  call,
  connectAvro,
  eventsOf,
  FLUME_HASH,
  handshake,
  message,
  otherProtocol,
  read,
  talk,
  UNKNOWN_HASH,
} from './wire/avro.ts';

/** Flume's Avro, spoken by the real Flume with Millrace, and by clients with both. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

describe.skipIf(missing !== undefined)('avro, between Flume and Millrace', { timeout: 60_000 }, () => {
  const stores = new KeyStores();
  afterAll(() => stores[Symbol.dispose]());

  const deflate = { 'compression-type': 'deflate' };
  const hops: Readonly<Record<string, Hop>> = {
    plain: { sink: { 'batch-size': 1 } },
    batches: { sink: { 'batch-size': 12 } },
    deflate: { source: deflate, sink: { ...deflate, 'batch-size': 4 } },
    'deflate-9': { source: deflate, sink: { ...deflate, 'compression-level': 9, 'batch-size': 3 } },
    'deflate-0': { source: deflate, sink: { ...deflate, 'compression-level': 0, 'batch-size': 6 } },
    jks: { source: stores.server('JKS'), sink: { ...stores.client('JKS'), 'batch-size': 2 } },
    pkcs12: { source: stores.server('PKCS12'), sink: { ...stores.client('PKCS12'), 'batch-size': 12 } },
    'trust-all': {
      source: { ...stores.server('JKS'), 'exclude-protocols': 'SSLv3 TLSv1.3' },
      sink: { ssl: true, 'trust-all-certs': true, 'batch-size': 4 },
    },
    'tls-deflate': {
      source: { ...stores.server('JKS'), ...deflate },
      sink: { ...stores.client('PKCS12'), ...deflate, 'batch-size': 4 },
    },
    client: {},
    'client-tls-deflate': { source: { ...stores.server('PKCS12'), ...deflate } },
  };
  const filters: Readonly<Record<string, string>> = {
    'no rule matches': 'deny:ip:10.*',
    'the first rule that matches decides': 'allow:ip:127.0.0.?,deny:ip:*',
    'an address is denied': 'deny:ip:127.0.0.1,allow:ip:*',
    'a pattern must match all of the address': 'deny:ip:127.0',
    'a dot is a dot': 'deny:ip:127.0.0.1.,deny:ip:127x0x0x1',
    'the own host is denied by its name': 'deny:name:localhost',
    'the own host is allowed by its name': 'allow:name:localhost,deny:ip:*',
  };
  const filterOf = (rule: string) => `filter${Object.keys(filters).indexOf(rule)}`;
  const extras = {
    raw: { channel: { transactionCapacity: 100 } },
    full: { channel: { capacity: 3, transactionCapacity: 3, 'keep-alive': 1 } },
    ...Object.fromEntries(
      Object.entries(filters).map(([rule, ipFilterRules]) => [
        filterOf(rule),
        { source: { ipFilter: true, ipFilterRules } },
      ]),
    ),
  };

  let pair: HopPair;
  beforeAll(async () => {
    stores.make();
    pair = await HopPair.start({ type: 'avro', hops, extras });
    const answers = await both((kind) => talk(pair.port(kind, 'feed'), [appendBatch(oddEvents)]));
    expect(answers).toEqual({ Flume: ['OK'], Millrace: ['OK'] });
  }, 60_000);
  afterAll(() => pair?.stop());

  const crossings = Object.entries(hops)
    .filter(([, { sink }]) => sink !== undefined)
    .flatMap(([hop]) => kinds.map((from) => ({ hop, from, to: other(from) })));
  test.for(crossings)('$from → $to, $hop: the same events, in order', async ({ hop, to }) => {
    expect(comparable(await pair.events(to, hop, oddEvents.length))).toEqual(comparable(oddEvents));
  });

  test.for(kinds)("avro-client of %s: every line is an event of the other's source", async (kind) => {
    using scratch = mkdtempDisposableSync(join(tmpdir(), 'millrace-avro-client-'));
    const file = (name: string, text: string) => {
      writeFileSync(join(scratch.path, name), text);
      return join(scratch.path, name);
    };
    const lines = Array.from({ length: 23 }, (_, number) => `line ${number} grüße`);
    const input = file(
      'input',
      lines
        .slice(0, -1)
        .map((line) => `${line}\n`)
        .concat(lines.at(-1)!)
        .join(''),
    );
    const headers = file('headers', 'host = web1\ngr\\u00fc\\u00dfe = \\u65e5\\u672c\n');
    const to = other(kind);
    const port = String(pair.port(to, 'client'));
    const properties = {
      hosts: 'h1',
      'hosts.h1': `127.0.0.1:${pair.port(to, 'client-tls-deflate')}`,
      'batch-size': 7,
      ...deflate,
      ...stores.client('JKS'),
    };
    const rpc = file(
      'rpc.properties',
      Object.entries(properties)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join(''),
    );
    await Promise.all([
      run(kind, 'avro-client', '-H', '127.0.0.1', '-p', port, '-F', input, '-R', headers),
      run(kind, 'avro-client', '--rpcProps', rpc, '--filename', input),
    ]);

    const expected = (headers: Record<string, string>) => lines.map((line) => ({ headers, body: Buffer.from(line) }));
    const plain = await pair.events(to, 'client', lines.length);
    expect(comparable(plain)).toEqual(comparable(expected({ host: 'web1', grüße: '日本' })));
    const layered = await pair.events(to, 'client-tls-deflate', lines.length);
    expect(comparable(layered)).toEqual(comparable(expected({})));
  });

  /** The answers of both to the same calls over a connection of its own. */
  const ask = (source: string, calls: readonly Uint8Array[]): Promise<Both<(string | undefined)[]>> =>
    both((kind) => talk(pair.port(kind, source), calls));

  test.for<[string, Uint8Array[], (string | undefined)[]]>([
    ['an event', [append(oddEvents[3]!)], ['OK']],
    ['a batch', [appendBatch(oddEvents)], ['OK']],
    ['an empty batch', [appendBatch([]), append(oddEvents[0]!)], ['OK', 'OK']],
    ['as many events as a transaction takes', [appendBatch(eventsOf(...Array(100).fill('x')))], ['OK']],
    [
      'more events than a transaction takes, and then fewer',
      [appendBatch(eventsOf(...Array(101).fill('x'))), append(oddEvents[0]!)],
      ['FAILED', 'OK'],
    ],
    [
      'a method there is not, and then one there is',
      [call('nosuch', Buffer.alloc(0)), append(oddEvents[0]!)],
      ['error: org.apache.avro.AvroRuntimeException: No such remote message: nosuch', 'OK'],
    ],
    [
      'headers and events in blocks that say how many bytes they have',
      [
        // One block of one event: its size, a map block of one pair with its size, a body.
        call(
          'appendBatch',
          Buffer.concat([Buffer.of(1, 24, 1, 8, 2, 0x6b, 2, 0x76, 0, 12), Buffer.from('abcdef'), Buffer.of(0)]),
        ),
      ],
      ['OK'],
    ],
  ])('%s: the same answers', async ([, calls, expected]) => {
    expect(await ask('raw', calls)).toEqual({ Flume: expected, Millrace: expected });
  });

  test('a full channel: FAILED after the keep-alive, and the connection stays', async () => {
    const began = performance.now();
    const calls = [appendBatch(eventsOf('1', '2', '3')), appendBatch(eventsOf('4')), append(eventsOf('5')[0]!)];
    const answers = await ask('full', calls);
    expect(answers).toEqual({ Flume: ['OK', 'FAILED', 'FAILED'], Millrace: ['OK', 'FAILED', 'FAILED'] });
    expect(performance.now() - began).toBeGreaterThan(1_900);
  });

  test('a message may come in any number of buffers, and in any pieces', async () => {
    const stream = Buffer.concat([handshake(), appendBatch(eventsOf('one', 'two'))]);
    const answers = await both(async (kind) => {
      const client = await connectAvro(pair.port(kind, 'raw'));
      const whole = await client.ask(message(1, stream, 17));
      const pieces = message(2, appendBatch(eventsOf('three')), 3);
      for (const byte of pieces) await client.write(Buffer.of(byte));
      const slow = await client.next();
      await client.close();
      return [whole!.serial, read(whole!, { handshakes: true }), slow!.serial, read(slow!, { handshakes: false })];
    });
    expect(answers.Flume).toMatchObject([1, { match: 'BOTH', result: 'OK' }, 2, { result: 'OK' }]);
    expect(answers.Millrace).toEqual(answers.Flume);
  });

  test('many calls in flight on one connection are each answered under their serial', async () => {
    const answers = await both(async (kind) => {
      const client = await connectAvro(pair.port(kind, 'raw'));
      await client.ask(message(0, append(oddEvents[0]!, handshake())));
      const serials = Array.from({ length: 200 }, (_, number) => (number * 7_919) % 65_537);
      await client.write(Buffer.concat(serials.map((serial) => message(serial, appendBatch(eventsOf('a', 'b'))))));
      const replies: string[] = [];
      for (const _ of serials) {
        const reply = (await client.next())!;
        replies.push(`${reply.serial} ${read(reply, { handshakes: false }).result}`);
      }
      await client.close();
      expect(replies.toSorted()).toEqual(serials.map((serial) => `${serial} OK`).toSorted());
      return replies.length;
    });
    expect(answers).toEqual({ Flume: 200, Millrace: 200 });
  });

  const otherHash = createHash('md5').update(otherProtocol).digest();
  describe('handshakes', () => {
    const shakes = {
      'known, known': handshake(),
      'known, unknown': handshake({ serverHash: UNKNOWN_HASH }),
      'unknown, known': handshake({ clientHash: UNKNOWN_HASH }),
      'unknown, unknown': handshake({ clientHash: UNKNOWN_HASH, serverHash: UNKNOWN_HASH }),
      'unknown with a protocol, known': handshake({ clientHash: otherHash, clientProtocol: otherProtocol }),
      'unknown with a protocol, unknown': handshake({
        clientHash: createHash('md5').update('2').digest(),
        clientProtocol: otherProtocol,
        serverHash: UNKNOWN_HASH,
      }),
    };

    test.for(Object.entries(shakes))('client and server are %s: the same answer', async ([, shake]) => {
      const { Flume, Millrace } = await both(async (kind) => {
        const client = await connectAvro(pair.port(kind, 'raw'));
        const reply = await client.ask(message(1, append(oddEvents[0]!, shake)));
        await client.close();
        return read(reply!, { handshakes: true });
      });
      expect([Millrace.match, Millrace.result]).toEqual([Flume.match, Flume.result]);
      // The text may differ (it is a comment of Flume's that makes its hash), and what it says may not.
      expect(meaningOf(Millrace.serverProtocol)).toEqual(meaningOf(Flume.serverProtocol));
      expect(Millrace.serverHash).toBe(Flume.serverHash);
      if (Flume.serverHash !== undefined) expect(Flume.serverHash).toBe(FLUME_HASH.toString('hex'));
    });

    test('a client that is asked for its protocol sends it with the same call, and is matched then', async () => {
      const answers = await both(async (kind) => {
        const client = await connectAvro(pair.port(kind, 'raw'));
        const clientHash = createHash('md5').update('3').digest();
        const asked = await client.ask(message(1, append(oddEvents[0]!, handshake({ clientHash }))));
        const again = handshake({ clientHash, clientProtocol: otherProtocol });
        const matched = await client.ask(message(2, append(oddEvents[0]!, again)));
        const later = await client.ask(message(3, append(oddEvents[0]!)));
        await client.close();
        return [asked, matched, later].map((reply, at) => {
          const { match, result } = read(reply!, { handshakes: at < 2 });
          return [match, result];
        });
      });
      expect(answers.Flume).toEqual([
        ['NONE', undefined],
        ['BOTH', 'OK'],
        [undefined, 'OK'],
      ]);
      expect(answers.Millrace).toEqual(answers.Flume);
    });
  });

  describe('ipFilter', () => {
    test.for(Object.keys(filters))('%s: the same clients are let in', async (rule) => {
      const answers = await both(async (kind) => {
        const client = await connectAvro(pair.port(kind, filterOf(rule)));
        const reply = await client.ask(message(1, append(oddEvents[0]!, handshake())));
        client.socket.destroy();
        return reply === undefined ? 'closed' : read(reply, { handshakes: true }).result;
      });
      expect(answers.Millrace).toBe(answers.Flume);
    });
  });
});

/** What a protocol says, without what is there for people. */
function meaningOf(protocol: string | undefined): unknown {
  if (protocol === undefined) return undefined;
  const { types, messages } = JSON.parse(protocol);
  return JSON.parse(
    JSON.stringify({ types, messages }, (key, value) =>
      ['doc', 'namespace'].includes(key) ? undefined : value?.['avro.java.string'] ? value.type : value,
    ),
  );
}
