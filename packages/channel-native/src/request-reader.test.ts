import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addon } from './addon.ts';
import { type Batch, BatchBuilder, encodeThrift, RequestReader, type WireProtocol, type WireRequest } from './index.ts';

const limits = { requestBytesMax: 64 << 20 };
const HASH = Buffer.from('86aadae2c45474c0fe93ffd0f2350a65', 'hex');

interface Plain {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const int = (number: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};
/** An unsigned varint. */
const varint = (number: number): Buffer =>
  number < 0x80
    ? Buffer.of(number)
    : Buffer.concat([Buffer.of((number % 0x80) | 0x80), varint(Math.floor(number / 0x80))]);
const text = (value: string | Buffer) => Buffer.concat([varint(2 * Buffer.byteLength(value)), Buffer.from(value)]);

/** An appendBatch as Flume's client sends it, in buffers of 8 KiB. */
function avro(serial: number, events: readonly Plain[], { handshake = false } = {}): Buffer {
  const head = handshake ? [HASH, Buffer.of(0), HASH, Buffer.of(2, 0)] : [];
  const map = (pairs: [string, string][]) =>
    pairs.length === 0 ? [] : [varint(2 * pairs.length), ...pairs.flatMap(([key, value]) => [text(key), text(value)])];
  const encoded = events.flatMap(({ headers, body }) => [...map(Object.entries(headers)), Buffer.of(0), text(body)]);
  const array = events.length === 0 ? [] : [varint(2 * events.length), ...encoded];
  const content = Buffer.concat([...head, Buffer.of(0), text('appendBatch'), ...array, Buffer.of(0)]);
  const buffers = Array.from({ length: Math.ceil(content.length / 8192) }, (_, index) =>
    content.subarray(8192 * index, 8192 * (index + 1)),
  );
  return Buffer.concat([int(serial), int(buffers.length), ...buffers.flatMap((it) => [int(it.length), it])]);
}

const plain = (batch: Batch): Plain[] =>
  Array.from({ length: batch.length }, (_, index) => ({
    headers: batch.headers(index),
    body: Buffer.from(batch.body(index)),
  }));

const bodies = (count: number, bytes: number): Plain[] =>
  Array.from({ length: count }, (_, index) => ({ headers: {}, body: Buffer.alloc(bytes, index) }));

/** Some batches as one, if they are neighbours. */
function joined([first, ...rest]: readonly Batch[]): Batch | undefined {
  return rest.reduce<Batch | undefined>((sum, batch) => sum?.joinedWith(batch), first);
}

function matchedReader(builder: BatchBuilder): RequestReader {
  const reader = new RequestReader('avro', builder, limits);
  reader.matched();
  return reader;
}

/** All requests in some pieces; what is given out is not released. */
function readAll(reader: RequestReader, pieces: readonly Uint8Array[]): WireRequest[] {
  const requests: WireRequest[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at = reader.consumed) {
      const request = reader.next(piece, at);
      if (request !== undefined) requests.push(request);
    }
  }
  return requests;
}

function cutAt(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...cuts.map((cut) => cut % stream.length).sort((a, b) => a - b), stream.length];
  return places.map((to, index) => stream.subarray(places[index - 1] ?? 0, to));
}

const event = fc.record({
  headers: fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 9 }), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

test('requests are the same wherever they are cut, and whatever happens to those before them', () => {
  const builder = new BatchBuilder();
  const request = fc.record({ events: fc.array(event, { maxLength: 8 }), times: fc.constantFrom(1, 1, 1, 400) });
  const cuts = fc.array(fc.nat(), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), cuts, fc.boolean(), (requests, cuts, held) => {
      const all = requests.map(({ events, times }) => Array.from({ length: times }, () => events).flat());
      const stream = Buffer.concat(all.map((events, serial) => avro(serial, events)));
      using reader = matchedReader(builder);
      const batches: Batch[] = [];
      let serial = 0;
      for (const piece of cutAt(stream, cuts)) {
        for (let at = 0; at < piece.length; at = reader.consumed) {
          const got = reader.next(piece, at);
          if (got === undefined) continue;
          expect(got).toMatchObject({ serial, call: 'appendBatch', name: '', handshake: undefined, oneway: false });
          expect(got.bytes).toBe(avro(serial, all[serial]!).length);
          if (!held) expect(plain(got.batch)).toEqual(all[serial]);
          if (held) batches.push(got.batch);
          else got.batch.release();
          serial += 1;
        }
      }
      expect([serial, reader.unfinishedBytes]).toEqual([all.length, 0]);
      if (held) expect(batches.map(plain)).toEqual(all);
      for (const batch of batches) batch.release();
    }),
    { numRuns: 50 },
  );
});

test('requests that are whole in their pieces stand one behind the other, of whatever connection they are', () => {
  const builder = new BatchBuilder();
  const [one, other] = [matchedReader(builder), matchedReader(builder)];
  const piece = Buffer.concat([avro(1, bodies(2, 10)), avro(2, bodies(1, 20))]);
  const batches = [...readAll(one, [piece]), ...readAll(other, [piece])].map(({ batch }) => batch);
  expect(joined(batches)?.length).toBe(6);
});

test('a short request that went on comes to its neighbours when it is whole', () => {
  const builder = new BatchBuilder();
  const stream = Buffer.concat([1, 2, 3, 4].map((serial) => avro(serial, bodies(2, 3000))));
  const requests = readAll(matchedReader(builder), cutAt(stream, [10_000, 20_000]));
  expect(plain(joined(requests.map(({ batch }) => batch))!)).toEqual([1, 2, 3, 4].flatMap(() => bodies(2, 3000)));
});

test('a request that goes on keeps no memory from others', () => {
  const builder = new BatchBuilder();
  const [slow, quick] = [matchedReader(builder), matchedReader(builder)];
  const request = avro(1, bodies(20, 1000));
  expect(slow.next(request.subarray(0, 9000), 0)).toBeUndefined();
  expect(slow.unfinishedBytes).toBe(9000);
  const batches = [1, 2, 3].map(() => {
    const { batch } = quick.next(request, 0)!;
    batch.release();
    return batch;
  });
  // All of them stood at the front of the builder's block.
  expect(batches.map(({ first, memory }) => [first, memory])).toEqual(batches.map(() => [0, builder.block.memory]));
  const late = slow.next(request.subarray(9000), 0)!;
  expect(late.batch.memory).not.toBe(builder.block.memory);
  expect(plain(late.batch)).toEqual(bodies(20, 1000));
});

test('blocks of long requests are used again once their batches are released, and not before', () => {
  const builder = new BatchBuilder();
  const reader = matchedReader(builder);
  const events = bodies(200, 1000);
  const pieces = cutAt(avro(1, events), [60_000, 120_000, 180_000]);
  const [first] = readAll(reader, pieces);
  const [second] = readAll(reader, pieces);
  expect(second!.batch.memory).not.toBe(first!.batch.memory);
  expect(plain(first!.batch)).toEqual(events);
  first!.batch.release();
  second!.batch.release();
  const [third] = readAll(reader, pieces);
  expect([first!.batch.memory, second!.batch.memory]).toContain(third!.batch.memory);
  // Its size is known by now: it began there, and nothing had to be copied.
  expect(third!.batch.size).toBeLessThan(2 * first!.batch.byteLength + 8 * 200);
});

test('a reader that is closed in the middle gives its block back as it is, and reads nothing more', () => {
  const builder = new BatchBuilder();
  const reader = matchedReader(builder);
  const request = avro(1, bodies(200, 1000));
  reader.next(request.subarray(0, 100_000), 0);
  reader.close();
  reader.close();
  expect(reader.next(request, 100_000)).toBeUndefined();
  const free = builder.pool.take(100_000);
  expect(free.memory.some((byte) => byte !== 0)).toBe(true);
});

test('a reader that is closed frees its number in the engine, once', () => {
  const numberOfNext = () => {
    const number = addon.openWire(0, 1_000);
    addon.closeWire(number);
    return number;
  };
  const free = numberOfNext();
  const reader = new RequestReader('avro', new BatchBuilder(), limits);
  expect(numberOfNext()).not.toBe(free);
  reader.close();
  expect(numberOfNext()).toBe(free);
  using other = new RequestReader('avro', new BatchBuilder(), limits);
  reader.close();
  expect(other.next(avro(1, bodies(1, 5), { handshake: true }), 0)?.batch.length).toBe(1);
});

test('an event larger than any block is read', () => {
  const builder = new BatchBuilder();
  const events = [...bodies(3, 100), ...bodies(1, 3 << 20), ...bodies(3, 100)];
  const stream = Buffer.concat([avro(1, events), avro(2, bodies(1, 5))]);
  for (const cuts of [[], [70_000, 1 << 20]]) {
    const requests = readAll(matchedReader(builder), cutAt(stream, cuts));
    expect(requests.map(({ batch }) => batch.length)).toEqual([7, 1]);
    expect(requests[0]!.batch.bodyView(3).equals(Buffer.alloc(3 << 20, 0))).toBe(true);
    expect(requests[1]!.batch.memory.length, 'small ones share a small block').toBeLessThan(1 << 20);
  }
});

test('a handshake is given out until the connection is matched', () => {
  const reader = new RequestReader('avro', new BatchBuilder(), limits);
  const [first] = readAll(reader, [avro(7, [], { handshake: true })]);
  expect(first).toMatchObject({
    serial: 7,
    handshake: { clientHash: HASH, clientProtocol: undefined, serverHash: HASH },
  });
  reader.matched();
  expect(readAll(reader, [avro(0xffff_ffff, [])])[0]).toMatchObject({ serial: 0xffff_ffff, handshake: undefined });
});

test('a method that there is not is named, and its arguments are skipped', () => {
  const content = Buffer.concat([Buffer.of(0), text('nosuch'), Buffer.alloc(99, 0xff)]);
  const stream = Buffer.concat([int(1), int(1), int(content.length), content, avro(2, bodies(1, 1))]);
  const requests = readAll(matchedReader(new BatchBuilder()), [stream]);
  expect(requests.map(({ call, name, batch }) => [call, name, batch.length])).toEqual([
    ['other', 'nosuch', 0],
    ['appendBatch', '', 1],
  ]);
});

test.for(['compact', 'binary'] as const)('what is encoded for a Thrift server (%s) is read as it was', (protocol) => {
  const builder = new BatchBuilder();
  const wire: WireProtocol = `thrift-${protocol}`;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.boolean(), fc.array(fc.nat()), (events, oneway, cuts) => {
      for (const { headers, body } of events) builder.append(body, headers);
      const batch = builder.finish();
      const list = Buffer.alloc(encodeThrift(batch, protocol, Buffer.alloc(0)));
      encodeThrift(batch, protocol, list);
      const kind = oneway ? 4 : 1;
      const compact = [Buffer.of(0x82, 0x01 | (kind << 5), 5, 11), 'appendBatch', Buffer.of(0x19, 0xfc)];
      const binary = [Buffer.of(0x80, 1, 0, kind), int(11), 'appendBatch', int(5), Buffer.of(15, 0, 1, 12)];
      const [head, count] =
        protocol === 'compact' ? [compact, varint(events.length)] : ([binary, int(events.length)] as const);
      const content = Buffer.concat([...head.map((it) => Buffer.from(it)), count, list, Buffer.of(0)]);
      const reader = new RequestReader(wire, builder, limits);
      const [request] = readAll(reader, cutAt(Buffer.concat([int(content.length), content]), cuts));
      expect(request).toMatchObject({ serial: 5, call: 'appendBatch', oneway });
      expect(plain(request!.batch)).toEqual(events);
      request!.batch.release();
      batch.release();
    }),
  );
});

test('what is no request is refused with its place, again and again', () => {
  const reader = new RequestReader('avro', new BatchBuilder(), limits);
  const refused = expect.objectContaining({
    code: 'MR_WIRE_INVALID',
    message: expect.stringMatching(/, at byte 0 of/),
  });
  expect(() => reader.next(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0)).toThrow(refused);
  expect(() => reader.next(avro(1, []), 0)).toThrow(refused);
  reader.close();
});
