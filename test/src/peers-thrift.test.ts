import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { both, kinds, other } from './peers/both.ts';
import { comparable, oddEvents } from './peers/events.ts';
import { type Hop, HopPair } from './peers/hop-pair.ts';
import { KeyStores } from './peers/key-stores.ts';
import { missingFlume } from './peers/peer.ts';
import { eventsOf, type WireEvent } from './wire/avro.ts';
import { connectThrift, frame, type ThriftProtocol, thriftCall, thriftStatus, unversionedCall } from './wire/thrift.ts';

/** Flume's Thrift, spoken by the real Flume with Millrace, and by clients with both. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

describe.skipIf(missing !== undefined)('thrift, between Flume and Millrace', { timeout: 60_000 }, () => {
  const stores = new KeyStores();
  afterAll(() => stores[Symbol.dispose]());

  const binary = { protocol: 'binary' };
  const hops: Readonly<Record<string, Hop>> = {
    compact: { sink: { 'batch-size': 4 } },
    single: { source: { protocol: 'compact', threads: 2 }, sink: { protocol: 'compact', 'batch-size': 1 } },
    binary: { source: binary, sink: { ...binary, 'batch-size': 12 } },
    jks: { source: stores.server('JKS'), sink: { ...stores.client('JKS'), 'batch-size': 6 } },
    'binary-pkcs12': {
      source: { ...stores.server('PKCS12'), ...binary },
      sink: { ...stores.client('PKCS12'), ...binary, 'batch-size': 3 },
    },
  };
  const full = { capacity: 3, transactionCapacity: 3, 'keep-alive': 1 };
  const extras = {
    'raw-compact': {},
    'raw-binary': { source: binary },
    'full-compact': { channel: full },
    'full-binary': { source: binary, channel: full },
  };

  let pair: HopPair;
  beforeAll(async () => {
    stores.make();
    pair = await HopPair.start({ type: 'thrift', hops, extras });
    const answers = await both(async (kind) => {
      const client = await connectThrift(pair.port(kind, 'feed'));
      const answer = await client.ask(thriftCall('compact', 'appendBatch', oddEvents));
      await client.close();
      return answer;
    });
    const ok = thriftStatus('compact', 'appendBatch', 'OK');
    expect(answers).toEqual({ Flume: ok, Millrace: ok });
  }, 60_000);
  afterAll(() => pair?.stop());

  const crossings = Object.keys(hops).flatMap((hop) => kinds.map((from) => ({ hop, from, to: other(from) })));
  test.for(crossings)('$from → $to, $hop: the same events, in order', async ({ hop, to }) => {
    expect(comparable(await pair.events(to, hop, oddEvents.length))).toEqual(comparable(oddEvents));
  });

  describe.for<ThriftProtocol>(['compact', 'binary'])('%s', (protocol) => {
    /** What both answer to frames over a connection of its own; `closed` when they end it instead. */
    const ask = (source: 'raw' | 'full', frames: readonly Buffer[]) =>
      both(async (kind) => {
        const client = await connectThrift(pair.port(kind, `${source}-${protocol}`));
        const answers: (Buffer | 'closed')[] = [];
        for (const bytes of frames) answers.push((await client.ask(bytes)) ?? 'closed');
        await client.close();
        return answers;
      });
    const called = (name: string, ...events: readonly WireEvent[]) => thriftCall(protocol, name, events);

    test('one event, many, and none: OK', async () => {
      const frames = [called('append', oddEvents[3]!), called('appendBatch', ...oddEvents), called('appendBatch')];
      const answers = await ask('raw', frames);
      const names = ['append', 'appendBatch', 'appendBatch'];
      expect(answers.Flume).toEqual(names.map((name) => thriftStatus(protocol, name, 'OK')));
      expect(answers.Millrace).toEqual(answers.Flume);
    });

    test('more than a transaction takes, and a full channel: FAILED, and the connection stays', async () => {
      const [one, two, three, four] = eventsOf('1', '2', '3', '4') as [WireEvent, WireEvent, WireEvent, WireEvent];
      const frames = [
        called('appendBatch', one, two, three, four),
        called('appendBatch', one, two, three),
        called('append', four),
        called('appendBatch', four),
      ];
      const answers = await ask('full', frames);
      expect(answers.Flume).toEqual([
        thriftStatus(protocol, 'appendBatch', 'FAILED'),
        thriftStatus(protocol, 'appendBatch', 'OK'),
        thriftStatus(protocol, 'append', 'FAILED'),
        thriftStatus(protocol, 'appendBatch', 'FAILED'),
      ]);
      expect(answers.Millrace).toEqual(answers.Flume);
    });

    test('a method there is not: an application exception, and the connection stays', async () => {
      const { Flume, Millrace } = await ask('raw', [called('nosuch', ...oddEvents), called('append', oddEvents[0]!)]);
      expect(Flume).toEqual([expect.any(Buffer), thriftStatus(protocol, 'append', 'OK')]);
      expect(String(Flume[0])).toContain("Invalid method name: 'nosuch'");
      expect(Millrace).toEqual(Flume);
    });

    test('a frame that is no call: the connection is closed, and only that one', async () => {
      const neighbours = await both((kind) => connectThrift(pair.port(kind, `raw-${protocol}`)));
      const answers = await ask('raw', [frame(Buffer.from('GET / HTTP/1.1\r\n\r\n'))]);
      expect(answers.Flume).toEqual(['closed']);
      expect(answers.Millrace).toEqual(answers.Flume);
      const later = await both((kind) => neighbours[kind].ask(called('append', oddEvents[0]!)));
      expect(later.Millrace).toEqual(later.Flume);
      await both((kind) => neighbours[kind].close());
    });

    if (protocol === 'compact') return;
    test('a call in the form without a version: OK', async () => {
      const answers = await ask('raw', [unversionedCall('appendBatch', oddEvents)]);
      expect(answers.Flume).toEqual([thriftStatus(protocol, 'appendBatch', 'OK')]);
      expect(answers.Millrace).toEqual(answers.Flume);
    });
  });
});
