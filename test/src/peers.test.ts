import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Both, both } from './peers/both.ts';
import { converse, missingFlume, Peer } from './peers/peer.ts';

/** The real Flume and Millrace run the same configuration, get the same input, and must say the same. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

const START_MS = 60_000;
/** A source, a memory channel, and a logger sink or none. */
function flow(source: object, { channel = { capacity: 1000, transactionCapacity: 100 }, sinks = 'k1' } = {}): string {
  const properties = (of: string, values: object) =>
    Object.entries(values).map(([name, value]) => `a1.${of}.${name} = ${value}\n`);
  return [
    `a1.sources = r1\na1.channels = c1\na1.sinks = ${sinks}\n`,
    ...properties('sources.r1', { ...source, channels: 'c1' }),
    ...properties('channels.c1', { type: 'memory', ...channel }),
    ...properties('sinks.k1', { type: 'logger', channel: 'c1' }),
  ].join('');
}

const euro = Buffer.from('5 €\n');
/** What a client sends, piece by piece. */
const conversations: Readonly<Record<string, readonly (string | Uint8Array)[]>> = {
  'plain lines': ['Hello world!\nand again\n'],
  'lines that end as telnet ends them': ['Hello world!\r\nand again\r\n'],
  'an empty line': ['\n'],
  'empty lines between others': ['\n\na\n\r\n\n'],
  'a body of 15, 16, 17 and 20 bytes': ['123456789012345\n1234567890123456\n12345678901234567\n12345678901234567890\n'],
  'text that is not ASCII': ['grüße aus 日本 🚀\n'],
  'a character that arrives in two pieces': [euro.subarray(0, 3), euro.subarray(3)],
  'a line that arrives in three pieces': ['one ', 'line ', 'only\n'],
  'control characters and NUL': ['\0\u0001\t\u001b[0m\u007f~\n'],
  'a line of 511 characters and its end': [`${'a'.repeat(511)}\n`],
  'a line of 512 characters and its end': [`${'b'.repeat(512)}\n`],
  'a line of 513 characters and its end': [`${'c'.repeat(513)}\n`],
  'a line of 512 characters without an end': ['d'.repeat(512)],
  'a line of 511 characters of two bytes': [`${'ü'.repeat(511)}\n`],
  'a line of 511 UTF-16 units, most of them pairs': [`${'🚀'.repeat(255)}x\n`],
  'a line of 512 UTF-16 units, all of them pairs': [`${'🚀'.repeat(256)}\n`],
  'lines before and after one that is too long': [`before\n${'e'.repeat(600)}\nafter\n`],
  'bytes after the last line end': ['a line\nand no line'],
  'bytes without a line end': ['no line'],
  nothing: [],
  'three hundred lines at once': [Array.from({ length: 300 }, (_, number) => `line ${number}\n`).join('')],
};

describe.skipIf(missing !== undefined)('netcat → memory → logger', () => {
  describe.for([
    { 'ack-every-event': 'true' },
    { 'ack-every-event': 'false' },
    { 'ack-every-event': 'true', encoding: 'iso-8859-1', 'max-line-length': 20 },
  ])('with %o', (settings) => {
    let ports: Both<number>;
    let peers: Both<Peer>;

    beforeAll(async () => {
      ports = await both(freePort);
      const source = { type: 'netcat', bind: '127.0.0.1', ...settings };
      peers = await both((kind) => new Peer(kind, flow({ ...source, port: ports[kind] })));
      await both((kind) => peers[kind].listening(ports[kind]));
    }, START_MS);

    afterAll(() => both((kind) => peers[kind].stop()));

    /** Replies and events of one conversation, with each. */
    async function talk(pieces: readonly (string | Uint8Array)[]) {
      return both(async (kind) => {
        const before = peers[kind].events().length;
        const replies = await converse(ports[kind], pieces);
        const marker = `end of ${before}`;
        await converse(ports[kind], [`${marker}\n`]);
        await peers[kind].written(`${marker} }`);
        return { replies, events: peers[kind].events().slice(before, -1) };
      });
    }

    test.for(Object.entries(conversations))('%s: the same replies and the same events', async ([, pieces]) => {
      const { Flume, Millrace } = await talk(pieces);
      expect(Millrace).toEqual(Flume);
    });

    // In a character set of single bytes nothing is invalid.
    if ('encoding' in settings) return;
    test('invalid UTF-8 differs on purpose: Flume loses the whole piece, Millrace replaces the bytes', async () => {
      const invalid = Buffer.concat([Buffer.from('good\nb'), Buffer.of(0xff), Buffer.from('d\n')]);
      const { Flume, Millrace } = await talk([invalid]);
      expect(Flume).toEqual({ replies: '', events: [] });
      expect(Millrace.replies).toBe(settings['ack-every-event'] === 'true' ? 'OK\nOK\n' : '');
      expect(Millrace.events).toEqual([
        expect.stringContaining('67 6F 6F 64'),
        expect.stringContaining('62 EF BF BD 64'),
      ]);
    });
  });
});

describe.skipIf(missing !== undefined)('netcat → memory without a sink', { timeout: START_MS }, () => {
  const full = { capacity: 3, transactionCapacity: 3, 'keep-alive': 1 };

  test.for(['true', 'false'])(
    'a full channel, with ack-every-event = %s: the same replies, each after keep-alive',
    async (acknowledge) => {
      const ports = await both(freePort);
      const peers = await both((kind) => {
        const source = { type: 'netcat', bind: '127.0.0.1', port: ports[kind], 'ack-every-event': acknowledge };
        return new Peer(kind, flow(source, { channel: full, sinks: '' }));
      });
      try {
        await both((kind) => peers[kind].listening(ports[kind]));
        const { Flume, Millrace } = await both(async (kind) => {
          const began = performance.now();
          const replies = await converse(ports[kind], ['1\n2\n3\n4\n5\n']);
          const waitedMs = performance.now() - began;
          return { replies, waitedMs, later: await converse(ports[kind], ['6\n']) };
        });
        expect(Millrace).toEqual({ ...Flume, waitedMs: expect.any(Number) });
        expect(Flume.replies.match(/FAILED: .+\n/g)).toHaveLength(2);
        expect(Flume.waitedMs).toBeGreaterThan(1_900);
        expect(Millrace.waitedMs).toBeGreaterThan(1_900);
      } finally {
        await both((kind) => peers[kind].stop());
      }
    },
  );
});

describe.skipIf(missing !== undefined)('seq → memory → logger', { timeout: START_MS }, () => {
  test.for([1, 7, 25])('25 events in batches of %i: the same events', async (batchSize) => {
    const peers = await both((kind) => new Peer(kind, flow({ type: 'seq', totalEvents: 25, batchSize })));
    try {
      const events = await both(async (kind) => {
        await peers[kind].written(' 24 }');
        await sleep(500); // for what should not come
        return peers[kind].events();
      });
      expect(events.Flume).toHaveLength(25);
      expect(events.Millrace).toEqual(events.Flume);
    } finally {
      await both((kind) => peers[kind].stop());
    }
  });
});
