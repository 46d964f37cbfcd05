import { randomBytes } from 'node:crypto';
import { eventually } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { PROTOCOL, PROTOCOL_HASH } from '../avro-protocol.ts';
import { incompatibility } from './compatible.ts';
import { stage } from './stage.test.fixture.ts';
import {
  avroAppend,
  avroAppendBatch,
  avroCall,
  avroMessage,
  avroReplies,
  avroText,
  handshake,
} from './wire.test.fixture.ts';

/** A protocol as JSON, of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into it wherever they like
type Loose = any;

const OTHER = Buffer.alloc(16, 7);
/** What stands in an answer that tells our protocol. */
const TOLD = `02${avroText(PROTOCOL).toString('hex')}02${PROTOCOL_HASH.toString('hex')}00`;
const OK = '000000';

/** Sends messages at once and gives the replies to them. */
async function ask(it: Awaited<ReturnType<typeof stage>>, ...messages: readonly Buffer[]): Promise<string[]> {
  const client = await it.connect();
  await client.write(Buffer.concat(messages));
  await eventually(() => avroReplies(client.received()).length).toBe(messages.length);
  client.socket.destroy();
  return avroReplies(client.received());
}

test('the first request of Flume 1.11 is answered byte for byte as Flume does', async () => {
  await using it = await stage();
  const hash = '86aadae2c45474c0fe93ffd0f2350a65';
  const name = Buffer.from('appendBatch').toString('hex');
  const event = (body: string) => `020468310476310006${Buffer.from(body).toString('hex')}`;
  const bytes = Buffer.from(
    `000000010000000200000030${hash}00${hash}02000016${name}0000001a04${event('one')}${event('two')}00`,
    'hex',
  );
  await it.client.write(bytes);
  await eventually(() => it.client.received().toString('hex')).toBe(
    '00000001' + '00000003' + '0000000400000000' + '0000000100' + '000000020000',
  );
  expect(it.handled).toEqual([['one', 'two']]);
});

describe('a handshake', () => {
  test('with the known hash, and ours, matches both ways', async () => {
    await using it = await stage();
    expect(await ask(it, avroMessage(5, handshake(), avroAppend('a')))).toEqual([`5:00000000${OK}`]);
    expect(it.handled).toEqual([['a']]);
  });

  test('with the known hash, and another for us, is told our protocol, and its call is executed', async () => {
    await using it = await stage();
    const answer = await ask(it, avroMessage(5, handshake({ serverHash: OTHER }), avroAppend('a')));
    expect(answer).toEqual([`5:02${TOLD}${OK}`]);
    expect(it.handled).toEqual([['a']]);
  });

  test('with a hash that nobody knows is asked for the protocol, and its call is not executed', async () => {
    await using it = await stage();
    const unknown = handshake({ clientHash: randomBytes(16) });
    expect(await ask(it, avroMessage(5, unknown, avroAppend('a')))).toEqual([`5:04${TOLD}`]);
    expect(it.handled).toEqual([]);
  });

  test('with an unknown hash and its protocol matches, and others with that hash are known from then on', async () => {
    await using it = await stage();
    const clientHash = randomBytes(16);
    const again = avroMessage(6, handshake({ clientHash, protocol: PROTOCOL }), avroAppend('b'));
    expect(await ask(it, avroMessage(5, handshake({ clientHash }), avroAppend('a')), again)).toEqual([
      `5:04${TOLD}`,
      `6:00000000${OK}`,
    ]);
    expect(await ask(it, avroMessage(7, handshake({ clientHash }), avroAppend('c')))).toEqual([`7:00000000${OK}`]);
    expect(it.handled).toEqual([['b'], ['c']]);
  });

  test('is not expected again once it has matched', async () => {
    await using it = await stage();
    const answers = await ask(
      it,
      avroMessage(1, handshake(), avroAppend('a')),
      avroMessage(2, avroAppend('b')),
      avroMessage(3, avroAppendBatch(['c', 'd'])),
    );
    expect(answers).toEqual([`1:00000000${OK}`, `2:${OK}`, `3:${OK}`]);
    expect(it.handled).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  test('without a call is answered alone', async () => {
    await using it = await stage();
    expect(await ask(it, avroMessage(1, handshake(), avroCall('')), avroMessage(2, avroAppend('b')))).toEqual([
      '1:00000000',
      `2:${OK}`,
    ]);
  });

  test('with a protocol that does not fit is answered with an error, and so is every call after it', async () => {
    await using it = await stage();
    const protocol = PROTOCOL.replace('"values":"string"', '"values":"long"');
    const clientHash = randomBytes(16);
    const [first, second] = await ask(
      it,
      avroMessage(1, handshake({ clientHash, protocol }), avroAppend('a')),
      avroMessage(2, avroAppend('b')),
    );
    const text = (reply: string | undefined) => Buffer.from(reply!.slice(2), 'hex').toString();
    expect(text(first)).toContain(
      'append takes {headers: map(long),body: bytes}, not {headers: map(bytes),body: bytes}',
    );
    expect(first!.slice(0, 16)).toBe('1:00000000000100');
    expect(second!.slice(0, 8)).toBe('2:000100');
    expect(it.handled).toEqual([]);
  });
});

describe('a protocol of a client fits', () => {
  const changed = (change: (protocol: Loose) => void): string => {
    const protocol = JSON.parse(PROTOCOL);
    change(protocol);
    return JSON.stringify(protocol);
  };
  const reversed = (value: unknown): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([key, inner]) => [key, reversed(inner)]),
        )
      : Array.isArray(value)
        ? value.map(reversed)
        : value;

  test.for<[string, string]>([
    ['as it is', PROTOCOL],
    ['in another order', JSON.stringify(reversed(JSON.parse(PROTOCOL)))],
    ['with its types in another order', changed(({ types }) => types.reverse())],
    ['with documentation', changed((protocol) => Object.assign(protocol, { doc: 'A licence.' }))],
    ['in another namespace', changed((protocol) => Object.assign(protocol, { namespace: 'other' }))],
    [
      'with qualified names',
      changed(({ types, messages }) => {
        types[1].name = 'org.example.AvroFlumeEvent';
        messages.append.request[0].type = 'org.example.AvroFlumeEvent';
      }),
    ],
    ['with Java’s strings', PROTOCOL.replace('"string"', '{"type":"string","avro.java.string":"String"}')],
    [
      'with more messages',
      changed(({ messages }) => Object.assign(messages, { more: { request: [], response: 'null' } })),
    ],
    ['with fewer messages', changed(({ messages }) => delete messages.append)],
    [
      'with types where they are used',
      changed((protocol) => {
        const [, event] = protocol.types;
        protocol.types = [];
        protocol.messages.append.request[0].type = event;
      }),
    ],
  ])('%s', ([, protocol]) => {
    expect(incompatibility(protocol)).toBe(undefined);
  });

  test.for<[string, string, string]>([
    ['when it is none', 'hello', 'cannot be understood'],
    ['when it is empty', '{}', 'cannot be understood'],
    [
      'with neither message',
      changed((protocol) => Object.assign(protocol, { messages: {} })),
      'has neither append nor',
    ],
    ['with fields in another order', changed(({ types }) => types[1].fields.reverse()), 'takes {body: bytes,headers:'],
    [
      'with one field more',
      changed(({ types }) => types[1].fields.push({ name: 'time', type: 'long' })),
      'body: bytes,time: long}, not',
    ],
    ['with two parameters', changed(({ messages }) => messages.append.request.push({ type: 'int' })), ',int, not'],
    ['with a type it lacks', changed(({ types }) => types.pop()), 'cannot be understood'],
    [
      'with a type in itself',
      changed(({ types }) => types[1].fields.push({ name: 'next', type: 'AvroFlumeEvent' })),
      'cannot be understood',
    ],
  ])('not %s', ([, protocol, why]) => {
    expect(incompatibility(protocol)).toContain(why);
  });

  test('not with types that double again and again, and that is found out soon', () => {
    const types: object[] = [{ type: 'record', name: 'T0', fields: [{ name: 'x', type: 'int' }] }];
    for (let at = 1; at < 60; at += 1) {
      const inner = ['a', 'b'].map((name) => ({ name, type: `T${at - 1}` }));
      types.push({ type: 'record', name: `T${at}`, fields: inner });
    }
    const protocol = changed((all) => {
      all.types.push(...types);
      all.messages.append.request[0].type = 'T59';
    });
    const began = performance.now();
    expect(incompatibility(protocol)).toContain('cannot be understood');
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
