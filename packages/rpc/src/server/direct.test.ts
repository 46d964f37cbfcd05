import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { WireProtocol } from '@millrace/channel-native';
import { eventually, type LineClient, ScratchChannel } from '@millrace/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PROTOCOL } from '../avro-protocol.ts';
import { type StageOptions, stage } from './stage.test.fixture.ts';
import {
  avroAppend,
  avroAppendBatch,
  avroCall,
  avroMessage,
  avroReplies,
  binaryAppend,
  compactAppend,
  handshake,
  hello,
  thriftReplies,
} from './wire.test.fixture.ts';

const append = (serial: number, body: string) => avroMessage(serial, avroAppend(body));
const appendBatch = (serial: number, ...bodies: string[]) => avroMessage(serial, avroAppendBatch(bodies));

/** A server over a channel, and a client of which nothing but a handshake is known, which is handled as ever. */
async function direct(options: StageOptions & { readonly channel: ScratchChannel }) {
  const it = await stage(options);
  onTestFinished(async () => {
    await it[Symbol.asyncDispose]();
    options.channel[Symbol.dispose]();
  });
  await greet(it.client);
  return { ...it, channel: options.channel };
}

async function greet(client: LineClient): Promise<void> {
  await client.write(hello);
  await eventually(() => avroReplies(client.received()).length).toBe(1);
}

/** The status of every answer behind the handshake's, in order, with its serial. */
function statuses(client: LineClient): string[] {
  return avroReplies(client.received())
    .slice(1)
    .map((reply) => reply.replace(':000000', ' OK').replace(':000002', ' FAILED'));
}

test('whole requests behind the first go into the channel without the handler, in order, and are counted', async () => {
  const it = await direct({ channel: new ScratchChannel() });
  await it.client.write(Buffer.concat([append(1, 'a'), appendBatch(2, 'b', 'c'), append(3, 'd')]));
  await it.client.write(append(0xffff_ffff, 'e'));
  await eventually(() => statuses(it.client)).toEqual(['1 OK', '2 OK', '3 OK', '4294967295 OK']);
  expect(it.channel.takeBodies()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(it.handled).toEqual([]);
  expect(it.counted()).toEqual([5, 3, 1]);
});

test.for<[WireProtocol, typeof compactAppend]>([
  ['thrift-compact', compactAppend],
  ['thrift-binary', binaryAppend],
])('answers in %s are those of the handler, byte for byte', async ([protocol, append]) => {
  const answers: Buffer[] = [];
  for (const direct of [false, true]) {
    using channel = new ScratchChannel();
    await using it = await stage({ channel, direct, protocol });
    await it.client.write(append(1, 'first'));
    await eventually(() => it.handled.length).toBe(1);
    await eventually(() => it.client.received().length).toBeGreaterThan(0);
    const serials = [0, 127, 128, 300, 2 ** 31, 2 ** 32 - 1];
    await it.client.write(Buffer.concat(serials.map((serial) => append(serial, 'x'))));
    await eventually(() => channel.counters().put).toBe(7);
    await eventually(() => thriftReplies(it.client.received()).length).toBe(7);
    expect(it.handled.length).toBe(direct ? 1 : 7);
    answers.push(it.client.received());
  }
  expect(answers[1]).toEqual(answers[0]);
});

describe('the handler decides about', () => {
  test.for<[string, Buffer[], number]>([
    ['an empty batch', [appendBatch(1)], 1],
    ['a method there is not', [avroMessage(1, avroCall('nosuch'))], 0],
    ['a request that comes in pieces', [append(1, 'abc').subarray(0, 20), append(1, 'abc').subarray(20)], 1],
    ['a request that no piece holds', [append(1, 'x'.repeat(100_000))], 1],
    [
      'a whole request whose neighbour is unfinished',
      [Buffer.concat([append(1, 'a'), append(2, 'b').subarray(0, 9)]), append(2, 'b').subarray(9)],
      2,
    ],
  ])('%s, and what comes behind it when that is answered goes directly again', async ([, pieces, handled]) => {
    const it = await direct({ channel: new ScratchChannel() });
    for (const piece of pieces) {
      await it.client.write(piece);
      await pause(20);
    }
    await eventually(() => statuses(it.client).length).toBe(Math.max(1, handled));
    await it.client.write(append(9, 'behind'));
    await eventually(() => statuses(it.client).at(-1)).toBe('9 OK');
    expect(it.handled.length).toBe(handled);
    expect(it.counted()).toEqual([1, 1, 0]);
  });

  test('what the channel has no room for, each request for itself, and answers keep their order', async () => {
    const it = await direct({ channel: new ScratchChannel({ capacity: 3, transactionCapacity: 3, keepAliveMs: 50 }) });
    await it.client.write(appendBatch(1, 'a', 'b'));
    await eventually(() => statuses(it.client)).toEqual(['1 OK']);
    // One of them fits; together they do not.
    await it.client.write(Buffer.concat([append(2, 'c'), append(3, 'd')]));
    await it.client.write(append(4, 'e'));
    await eventually(() => statuses(it.client)).toEqual(['1 OK', '2 OK', '3 FAILED', '4 FAILED']);
    expect(it.handled).toEqual([['c'], ['d'], ['e']]);
    expect(it.channel.takeBodies()).toEqual(['a', 'b', 'c']);
    await it.client.write(append(5, 'f'));
    await eventually(() => statuses(it.client).at(-1)).toBe('5 OK');
    expect(it.counted()).toEqual([3, 1, 1]);
  });

  test('everything as long as a request before is not answered', async () => {
    const it = await direct({ channel: new ScratchChannel(), hold: true });
    await it.client.write(append(1, 'x'.repeat(100_000)));
    await eventually(() => it.held.length).toBe(1);
    await it.client.write(append(2, 'b'));
    await eventually(() => it.held.length).toBe(2);
    it.held[1]!.accept();
    await pause(20);
    expect(statuses(it.client)).toEqual([]);
    it.held[0]!.accept();
    await eventually(() => statuses(it.client)).toEqual(['1 OK', '2 OK']);
    expect(it.counted()).toEqual([0, 0, 0]);
  });

  test('everything as long as an earlier request waits, though there is room again for a later one', async () => {
    const it = await direct({ channel: new ScratchChannel({ capacity: 1, transactionCapacity: 1 }), hold: true });
    await it.client.write(append(1, 'a'));
    await eventually(() => statuses(it.client)).toEqual(['1 OK']);
    await it.client.write(append(2, 'b'));
    await eventually(() => it.held.length).toBe(1);
    expect(it.channel.takeBodies()).toEqual(['a']);
    await it.client.write(append(3, 'c'));
    await eventually(() => it.held.length).toBe(2);
    for (const { accept } of it.held) accept();
    await eventually(() => statuses(it.client)).toEqual(['1 OK', '2 OK', '3 FAILED']);
  });

  test('everything as long as one of several requests is not answered', async () => {
    const it = await direct({ channel: new ScratchChannel(), hold: true });
    const large = 'x'.repeat(100_000);
    await it.client.write(Buffer.concat([append(1, large), append(2, large)]));
    await eventually(() => it.held.length).toBe(2);
    it.held[0]!.accept();
    await eventually(() => statuses(it.client)).toEqual(['1 OK']);
    await it.client.write(append(3, 'c'));
    await eventually(() => it.held.length).toBe(3);
    it.held[1]!.accept();
    it.held[2]!.accept();
    await eventually(() => statuses(it.client)).toEqual(['1 OK', '2 OK', '3 OK']);
  });

  test('what stands in the middle of a request, though it looks like one', async () => {
    const it = await direct({ channel: new ScratchChannel() });
    const inner = append(9, 'inner').toString('latin1');
    const outer = append(2, `${'x'.repeat(100)}${inner}${'y'.repeat(100)}`);
    const at = outer.indexOf(inner, 0, 'latin1');
    await it.client.write(Buffer.concat([append(1, 'a'), outer.subarray(0, at)]));
    await eventually(() => statuses(it.client)).toEqual(['1 OK']);
    await it.client.write(outer.subarray(at, at + inner.length));
    await pause(20);
    await it.client.write(outer.subarray(at + inner.length));
    await eventually(() => statuses(it.client)).toEqual(['1 OK', '2 OK']);
    expect(it.channel.takeBodies()).toEqual(['a', expect.stringContaining('inner')]);
  });

  test('every call of a client whose protocol does not fit', async () => {
    const it = await direct({ channel: new ScratchChannel() });
    const client = await it.connect();
    const protocol = PROTOCOL.replace('"values":"string"', '"values":"long"');
    await client.write(avroMessage(1, handshake({ clientHash: randomBytes(16), protocol }), avroAppend('a')));
    for (const serial of [2, 3]) {
      await client.write(append(serial, 'b'));
      await eventually(() => avroReplies(client.received()).at(-1)!.slice(0, 8)).toBe(`${serial}:000100`);
    }
    expect(it.channel.takeBodies()).toEqual([]);
    client.socket.destroy();
  });

  test('everything where little may be in flight', async () => {
    const it = await direct({ channel: new ScratchChannel(), inFlightBytesMax: 100_000 });
    await it.client.write(append(1, 'a'));
    await eventually(() => statuses(it.client)).toEqual(['1 OK']);
    expect(it.handled).toEqual([['a']]);
  });
});

test('requests of many connections share transactions, but none takes more than a transaction may', async () => {
  const it = await direct({ channel: new ScratchChannel({ transactionCapacity: 3 }) });
  const clients = await Promise.all(Array.from({ length: 50 }, it.connect));
  await Promise.all(clients.map(greet));
  for (let round = 1; round <= 5; round += 1) {
    for (const client of clients) client.socket.write(append(round, 'x'));
    for (const client of clients) await eventually(() => statuses(client).at(-1)).toBe(`${round} OK`);
  }
  expect(it.handled).toEqual([]);
  expect(it.counted()).toEqual([250, 250, 0]);
  expect(it.channel.takeBodies().length).toBe(250);
  for (const client of clients) client.socket.destroy();
});

test('requests of many events go directly, too, and all that comes in one turn may be more than is put at once', async () => {
  const it = await direct({ channel: new ScratchChannel() });
  const clients = await Promise.all(Array.from({ length: 20 }, it.connect));
  await Promise.all(clients.map(greet));
  const bodies = (client: number) => Array.from({ length: 40 }, (_, at) => `${client}.${at} `.padEnd(1_000, 'x'));
  for (let round = 1; round <= 5; round += 1) {
    for (const [at, client] of clients.entries()) client.socket.write(appendBatch(round, ...bodies(at)));
    for (const client of clients) await eventually(() => statuses(client).at(-1)).toBe(`${round} OK`);
    expect(it.channel.takeBodies().toSorted()).toEqual(clients.flatMap((_, at) => bodies(at)).toSorted());
  }
  const [events, appends, batches] = it.counted();
  // Some may have come in two pieces.
  expect([events! / 40, appends, batches! > 0]).toEqual([batches, 0, true]);
  for (const client of clients) client.socket.destroy();
});

test('what a client sends before it ends its side is put and answered', async () => {
  const it = await direct({ channel: new ScratchChannel() });
  it.client.socket.end(append(1, 'last'));
  await it.client.closed;
  expect(statuses(it.client)).toEqual(['1 OK']);
  expect(it.channel.takeBodies()).toEqual(['last']);
});

test('what comes while a server closes is not put: nobody would be told', async () => {
  const it = await direct({ channel: new ScratchChannel() });
  const client = connect({ port: it.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  client.write(hello);
  await once(client, 'data');
  const ended = once(client, 'end');
  const closed = it.close();
  await ended;
  client.write(append(1, 'late'));
  await closed;
  expect(it.channel.takeBodies()).toEqual([]);
  expect(it.counted()).toEqual([0, 0, 0]);
});

test('a closed server puts nothing more, and another one of the same thread does', async () => {
  const channel = new ScratchChannel();
  const [first, second] = [await direct({ channel }), await stage({ channel })];
  await first.close();
  await greet(second.client);
  await second.client.write(append(1, 'a'));
  await eventually(() => statuses(second.client)).toEqual(['1 OK']);
  expect([first.counted(), second.counted()]).toEqual([
    [0, 0, 0],
    [1, 1, 0],
  ]);
  await second[Symbol.asyncDispose]();
});

test('any mixture of requests, however it is cut, has the answers and leaves the events that it would without', async () => {
  const random = randomFrom(0x5eed);
  for (let round = 0; round < 60; round += 1) {
    const stream = Buffer.concat(Array.from({ length: 1 + random(12) }, (_, at) => anyRequest(at + 1, random)));
    const cuts = Array.from({ length: random(5) }, () => random(stream.length)).sort((a, b) => a - b);
    const [alone, together] = [await outcome(false, stream, cuts), await outcome(true, stream, cuts)];
    expect(together, `round ${round}`).toEqual(alone);
  }
});

/** What becomes of a stream that a client sends in pieces. */
async function outcome(direct: boolean, stream: Buffer, cuts: readonly number[]) {
  using channel = new ScratchChannel({ capacity: 20, transactionCapacity: 6 });
  await using it = await stage({ channel, direct });
  await greet(it.client);
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    await it.client.write(stream.subarray(from, to));
    from = to;
    await new Promise(setImmediate);
  }
  it.client.socket.end();
  await it.client.closed;
  return { answers: avroReplies(it.client.received()), events: channel.takeBodies() };
}

function anyRequest(serial: number, random: (below: number) => number): Buffer {
  const bodies = Array.from({ length: random(5) }, (_, at) => `${serial}.${at}`);
  const requests = [
    () => append(serial, `${serial}`),
    () => appendBatch(serial, ...bodies),
    () => appendBatch(serial, ...bodies, 'x'.repeat(20_000)),
    () => avroMessage(serial, avroCall('nosuch')),
    () => avroMessage(serial, avroAppend(`${serial}`), Buffer.from('trailing')),
  ];
  return requests[[0, 0, 0, 1, 1, 2, 3, 4][random(8)]!]!();
}

/** Numbers below a bound, the same in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
