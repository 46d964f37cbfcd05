import { type Batch, BatchBuilder } from '@millrace/channel-native';
import { eventually } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { connect } from '../client/index.ts';
import { type Handler, serve } from './index.ts';
import { FULL, stage } from './stage.test.fixture.ts';
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
  zigzag,
} from './wire.test.fixture.ts';

const OK = '000000';
const FAILED = '000002';
const HELLO = '0:00000000';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (reply: string | undefined) => Buffer.from(reply!.replace(/^\d+:/, ''), 'hex').toString('latin1');

describe('an answer of Avro', () => {
  test('is OK, FAILED for what a channel refuses, and for anything else an error, but FAILED for a batch', async () => {
    await using it = await stage();
    const messages = [
      avroAppend('fine'),
      avroAppend('full'),
      avroAppend('broken'),
      avroAppendBatch(['fine', 'full']),
      avroAppendBatch(['fine', 'broken']),
      avroAppendBatch([]),
    ];
    await it.client.write(Buffer.concat([hello, ...messages.map((message, at) => avroMessage(at + 1, message))]));
    await eventually(() => avroReplies(it.client.received()).length).toBe(7);
    const error = `000100${'12'}${Buffer.from('It broke.').toString('hex')}`;
    expect(avroReplies(it.client.received())).toEqual([
      HELLO,
      `1:${OK}`,
      `2:${FAILED}`,
      `3:${error}`,
      `4:${FAILED}`,
      `5:${FAILED}`,
      `6:${OK}`,
    ]);
  });

  test('to a message there is not names it, and the connection goes on', async () => {
    await using it = await stage();
    await it.client.write(Buffer.concat([hello, avroMessage(7, avroCall('nosuch', Buffer.from('anything')))]));
    await it.client.write(avroMessage(8, avroAppend('a')));
    await eventually(() => avroReplies(it.client.received()).length).toBe(3);
    const [, unknown, after] = avroReplies(it.client.received());
    // No metadata, an error, of the kind that is a text.
    expect(unknown!.slice(0, 8)).toBe('7:000100');
    expect(text(unknown)).toMatch(/.org\.apache\.avro\.AvroRuntimeException: No such remote message: nosuch$/s);
    expect(after).toBe(`8:${OK}`);
  });
});

describe('an answer of Thrift', () => {
  test('in the compact protocol is that of Flume, byte for byte', async () => {
    await using it = await stage({ protocol: 'thrift-compact' });
    const append = `0000001982210106${hex('append')}1c1b018801${hex('k')}01${hex('v')}1803${hex('abc')}0000`;
    await it.client.write(Buffer.from(append, 'hex'));
    await eventually(() => it.client.received().toString('hex')).toBe(`0000000e82410106${hex('append')}05000000`);
    expect(it.handled).toEqual([['abc']]);
  });

  test.for([
    ['thrift-compact', compactAppend, '8241', '050002', '8261'] as const,
    ['thrift-binary', binaryAppend, '80010002', '08000000000001', '80010003'] as const,
  ])(
    'in %s is FAILED for what a channel refuses, and for anything else an application exception',
    async ([protocol, append, reply, failed, exception]) => {
      await using it = await stage({ protocol });
      await it.client.write(
        Buffer.concat([append(300, 'full'), append(301, 'broken'), append(302, 'a', 'nosuch'), append(1, 'b')]),
      );
      await eventually(() => thriftReplies(it.client.received()).length).toBe(4);
      const [refused, broken, unknown, fine] = thriftReplies(it.client.received());
      expect(refused).toContain(reply);
      expect(refused).toContain(`${failed}00`);
      expect(broken).toContain(exception);
      expect(Buffer.from(broken!, 'hex').toString()).toContain('Internal error processing append: It broke.');
      expect(unknown).toContain(exception);
      expect(Buffer.from(unknown!, 'hex').toString()).toContain("Invalid method name: 'nosuch'");
      expect(fine).toContain(reply);
      expect(it.handled).toEqual([['full'], ['broken'], ['b']]);
    },
  );
});

describe('requests of one connection', () => {
  test('are handled several at a time, in order, and answered in their order though later ones are done before', async () => {
    await using it = await stage({ hold: true });
    const requests = ['a', 'b', 'c'].map((body, at) => avroMessage(at + 1, avroAppend(body)));
    await it.client.write(Buffer.concat([hello, ...requests]));
    await eventually(() => it.handled).toEqual([['a'], ['b'], ['c']]);
    it.held[2]!.accept();
    it.held[1]!.refuse(FULL);
    await pause(20);
    expect(avroReplies(it.client.received())).toEqual([HELLO]);
    it.held[0]!.accept();
    await eventually(() => avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`, `2:${FAILED}`, `3:${OK}`]);
  });

  test('may be cut anywhere', async () => {
    await using it = await stage();
    const bytes = Buffer.concat([
      hello,
      avroMessage(1, avroAppendBatch(['one', 'two'])),
      avroMessage(2, avroAppend('x')),
    ]);
    for (const byte of bytes) await it.client.write(Uint8Array.of(byte));
    await eventually(() => avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`, `2:${OK}`]);
    expect(it.handled).toEqual([['one', 'two'], ['x']]);
  });

  test('are handled 256 ahead of their answers and not more', async () => {
    await using it = await stage({ hold: true });
    const many = Array.from({ length: 20_000 }, (_, at) => avroMessage(at, avroAppend('x')));
    it.client.socket.write(Buffer.concat([hello, ...many]));
    await eventually(() => it.held.length).toBe(256);
    await pause(100);
    expect(it.held.length).toBe(256);
    for (let at = 0; at < 20_000; at += 1) {
      if (it.held[at] === undefined) await eventually(() => it.held.length).toBeGreaterThan(at);
      it.held[at]!.accept();
    }
    await eventually(() => avroReplies(it.client.received()).length).toBe(20_001);
  });

  test('are read 4 MiB ahead of their answers and not much more', async () => {
    await using it = await stage({ hold: true });
    const large = avroAppend('x'.repeat(100_000));
    it.client.socket.write(Buffer.concat([hello, ...Array.from({ length: 200 }, (_, at) => avroMessage(at, large))]));
    await eventually(() => it.held.length).toBeGreaterThan(40);
    await pause(50);
    expect(it.held.length).toBeLessThan(45);
    for (let at = 0; at < 200; at += 1) {
      if (it.held[at] === undefined) await eventually(() => it.held.length).toBeGreaterThan(at);
      it.held[at]!.accept();
    }
    await eventually(() => avroReplies(it.client.received()).length).toBe(201);
  });
});

describe('a client', () => {
  test('that has ended its side still gets its answers', async () => {
    await using it = await stage({ hold: true });
    it.client.socket.end(Buffer.concat([hello, avroMessage(1, avroAppend('a'))]));
    await eventually(() => it.held.length).toBe(1);
    await pause(20);
    it.held[0]!.accept();
    await it.client.closed;
    expect(avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`]);
  });

  test('that goes in the middle of a request leaves nothing behind, and no line in the log', async () => {
    await using it = await stage();
    const request = avroMessage(1, avroAppend('a'.repeat(100_000)));
    const [ending, resetting] = [await it.connect(), await it.connect()];
    for (const client of [ending, resetting]) await client.write(Buffer.concat([hello, request.subarray(0, 90_000)]));
    await eventually(it.connections).toBe(3);
    await ending.close();
    await resetting.reset();
    await eventually(it.connections).toBe(1);
    expect(it.log.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
    await it.client.write(Buffer.concat([hello, request]));
    await eventually(() => avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`]);
  });

  test('that reads no answers is not read either', async () => {
    await using it = await stage();
    it.client.socket.pause();
    const asked = Buffer.concat([avroMessage(1, avroCall('n'.repeat(60_000))), avroMessage(2, avroAppend('a'))]);
    it.client.socket.write(Buffer.concat([hello, ...Array.from({ length: 1_000 }, () => asked)]));
    let handled = -1;
    for (; handled < it.handled.length; await pause(200)) handled = it.handled.length;
    expect(handled).toBeLessThan(500);
    it.client.socket.resume();
    await eventually(() => it.handled.length).toBe(1_000);
    await eventually(() => it.client.socket.bytesRead).toBeGreaterThan(1_000 * 60_000);
  });
});

describe('bytes that are no requests', () => {
  test.for<[string, string | Buffer, string]>([
    ['text', 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n', 'an HTTP request'],
    ['lines', 'Hello world, this is a line of text!\n', 'lines of text'],
    ['TLS', Buffer.concat([Buffer.from('160301020001fc0303', 'hex'), Buffer.alloc(400, 9)]), 'TLS'],
    ['Thrift', Buffer.concat([compactAppend(1, 'a'.repeat(300)), compactAppend(2, 'b')]), 'Thrift'],
  ])('(%s) end their connection and no other, and the log says what they look like', async ([, bytes, looksLike]) => {
    await using it = await stage();
    const bad = await it.connect();
    await bad.write(bytes);
    await bad.closed;
    const [line] = it.log.lines.filter(({ level }) => level === 'warn');
    expect(line).toMatchObject({ fields: { peer: '127.0.0.1', looksLike: expect.stringContaining(looksLike) } });
    await it.client.write(Buffer.concat([hello, avroMessage(1, avroAppend('a'))]));
    await eventually(() => avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`]);
  });

  test.for(['thrift-compact', 'thrift-binary'] as const)('of Avro end a connection of %s', async (protocol) => {
    await using it = await stage({ protocol });
    await it.client.write(Buffer.concat([avroMessage(1, handshake(), avroAppend('a')), hello]));
    await it.client.closed;
    expect(it.log.lines.find(({ level }) => level === 'warn')?.fields['looksLike']).toContain('Avro');
    expect(it.handled).toEqual([]);
  });

  test('behind good requests take nothing from them', async () => {
    await using it = await stage({ hold: true });
    await it.client.write(Buffer.concat([hello, avroMessage(1, avroAppend('a')), Buffer.alloc(100, 0xff)]));
    await eventually(() => it.held.length).toBe(1);
    await pause(20);
    it.held[0]!.accept();
    await it.client.closed;
    expect(avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`]);
  });

  test.for<[string, Buffer]>([
    ['a length beyond the limit', Buffer.concat([hello, Buffer.from('00000001000000017fffffff', 'hex')])],
    ['a million empty buffers', Buffer.concat([hello, Buffer.from('00000001000f4240', 'hex'), Buffer.alloc(8 << 20)])],
    [
      'a handshake without end',
      Buffer.concat([
        Buffer.from('00000001000000017fffffff', 'hex'),
        Buffer.alloc(16),
        Buffer.of(2),
        Buffer.alloc(4 << 20, 0xff),
      ]),
    ],
    [
      'a list of events that take much more memory than bytes',
      Buffer.concat([
        hello,
        Buffer.from('0000000100000001000a0000', 'hex'),
        avroCall('appendBatch', Buffer.concat([zigzag(300_000), Buffer.alloc(599_000)])),
      ]),
    ],
  ])('(%s) cost nothing but their connection', async ([, bytes]) => {
    await using it = await stage({ inFlightBytesMax: 1 << 20 });
    const bad = await it.connect();
    bad.socket.write(bytes);
    await bad.closed;
    const warnings = it.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toEqual(['Ended a connection whose bytes are no requests of Avro.']);
    await it.client.write(Buffer.concat([hello, avroMessage(1, avroAppend('a'))]));
    await eventually(() => avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`]);
  });
});

test('a handler may do its work at once, and what it throws then is the answer to that request alone', async () => {
  const handled: number[] = [];
  const atOnce = (batch: Batch) => {
    handled.push(batch.length);
    if (batch.length > 1) throw new Error('It broke.');
  };
  const server = await serve({ host: '127.0.0.1', port: 0, protocol: 'thrift-compact' }, atOnce as unknown as Handler);
  const client = await connect({ protocol: 'thrift-compact', host: '127.0.0.1', port: server.address.port });
  const [fine, broken] = await Promise.allSettled([
    client.append({ body: 'a' }),
    client.appendBatch([{ body: 'b' }, { body: 'c' }]),
  ]);
  expect(fine.status).toBe('fulfilled');
  expect(broken).toMatchObject({ reason: { message: expect.stringContaining('It broke.') } });
  expect(handled).toEqual([1, 2]);
  await client.destroy();
  await server.close();
});

describe('closing', () => {
  test('answers what was read, resets nobody who still sends, and does not wait for a request that is not whole', async () => {
    await using it = await stage({ hold: true });
    const errors: Error[] = [];
    it.client.socket.on('error', (error) => errors.push(error));
    const half = await it.connect();
    const request = avroMessage(1, avroAppend('a'));
    await half.write(Buffer.concat([hello, request.subarray(0, -1)]));
    await it.client.write(Buffer.concat([hello, request]));
    await eventually(() => it.held.length).toBe(1);
    const closed = it.close();
    await half.closed;
    it.client.socket.write(avroMessage(2, avroAppend('b'.repeat(8 << 20))));
    await pause(30);
    it.held[0]!.accept();
    await closed;
    await it.client.closed;
    expect(errors).toEqual([]);
    expect(avroReplies(it.client.received())).toEqual([HELLO, `1:${OK}`]);
    expect(it.handled).toEqual([['a']]);
    await expect(it.connect()).rejects.toThrow('ECONNREFUSED');
  });

  test('does not wait for ever for a client that reads nothing', async () => {
    await using it = await stage();
    it.client.socket.pause();
    const message = avroMessage(1, avroCall('n'.repeat(60_000)));
    it.client.socket.write(Buffer.concat([hello, ...Array.from({ length: 1_000 }, () => message)]));
    await eventually(() => it.client.socket.writableLength).toBeGreaterThan(30 << 20);
    await pause(100);
    const began = performance.now();
    await it.close();
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  test('ends connections that are still being let in', async () => {
    await using it = await stage({ admit: () => new Promise(() => {}) });
    await pause(20);
    await it.close();
    await it.client.closed;
  });
});

describe('all connections together', () => {
  test('are read as far as the limit goes, and then nobody is until there is room', async () => {
    await using it = await stage({ inFlightBytesMax: 300_000, hold: true });
    const request = avroMessage(1, avroAppend('x'.repeat(100_000)));
    it.client.socket.write(Buffer.concat([hello, request, request, request, request, request]));
    await eventually(() => it.held.length).toBeGreaterThan(1);
    await pause(30);
    const other = await it.connect();
    await other.write(Buffer.concat([hello, request]));
    await pause(30);
    expect(it.held.length).toBeLessThan(4);
    expect(other.received().length).toBe(0);
    for (let at = 0; at < 6; at += 1) {
      await eventually(() => it.held.length).toBeGreaterThan(at);
      it.held[at]!.accept();
    }
    await eventually(() => avroReplies(other.received())).toEqual([HELLO, `1:${OK}`]);
    other.socket.destroy();
  });

  test('can end the requests that they have begun, though these alone reach the limit', async () => {
    await using it = await stage({ inFlightBytesMax: 300_000 });
    const clients = await Promise.all(Array.from({ length: 8 }, it.connect));
    const request = avroMessage(1, avroAppend('x'.repeat(200_000)));
    for (const client of clients) client.socket.write(Buffer.concat([hello, request.subarray(0, 150_000)]));
    await pause(50);
    for (const client of clients) client.socket.write(request.subarray(150_000));
    for (const client of clients) await eventually(() => avroReplies(client.received())).toEqual([HELLO, `1:${OK}`]);
    for (const client of clients) client.socket.destroy();
  });

  test('get back the room of what was answered, and of what was never finished', async () => {
    const builder = new BatchBuilder();
    await using it = await stage({ inFlightBytesMax: 300_000, hold: true, builder });
    const request = avroMessage(1, avroAppend('x'.repeat(100_000)));
    const others = await Promise.all(Array.from({ length: 5 }, it.connect));
    for (const [at, other] of others.entries()) {
      await other.write(Buffer.concat([hello, request]));
      await eventually(() => it.held.length).toBe(at + 1);
      it.held[at]!.accept();
      await other.write(request.subarray(0, 80_000));
      await other.reset();
    }
    await eventually(it.connections).toBe(1);
    expect(builder.block.pins).toBe(0);

    await it.client.write(Buffer.concat([hello, avroMessage(1, avroAppend('x'.repeat(200_000)))]));
    await eventually(() => it.held.length).toBe(6);
    const other = await it.connect();
    await other.write(Buffer.concat([hello, avroMessage(1, avroAppend('a'))]));
    await eventually(() => it.held.length).toBe(7);
    other.socket.destroy();
  });
});

const hex = (value: string) => Buffer.from(value).toString('hex');
