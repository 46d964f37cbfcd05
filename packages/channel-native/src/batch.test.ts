import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Batch, BatchBuilder } from './index.ts';

const event = fc.record({
  body: fc.uint8Array({ maxLength: 300 }),
  headers: fc.dictionary(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    {
      noNullPrototype: true,
    },
  ),
});

function build(builder: BatchBuilder, events: readonly { body: Uint8Array; headers: Record<string, string> }[]): Batch {
  for (const { body, headers } of events) builder.append(body, headers);
  return builder.finish();
}

const bodiesOf = (batch: Batch) => Array.from({ length: batch.length }, (_, index) => [...batch.body(index)]);
const headersOf = (batch: Batch) => Array.from({ length: batch.length }, (_, index) => batch.headers(index));

test('what is appended is what is read, however it is sliced, joined and copied', () => {
  const builder = new BatchBuilder();
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), fc.nat(20), fc.nat(20), (events, a, b) => {
      const batch = build(builder, events);
      const [from, to] = [Math.min(a, b, events.length), Math.min(Math.max(a, b), events.length)];
      const slice = batch.slice(from, to);
      for (const it of [slice, slice.copy(), batch.copy().slice(from, to)]) {
        expect(bodiesOf(it)).toEqual(events.slice(from, to).map(({ body }) => [...body]));
        expect(headersOf(it)).toEqual(events.slice(from, to).map(({ headers }) => headers));
      }
      const joined = batch.slice(0, from).joinedWith(batch.slice(from));
      expect(joined && bodiesOf(joined)).toEqual(bodiesOf(batch));
      const [left, right] = [batch.slice(0, from).checksum(), batch.slice(from).checksum()];
      expect((left + right) % 2 ** 32).toBe(batch.checksum());
      batch.release();
    }),
  );
});

test('a header may have any name', () => {
  const headers = Object.fromEntries([
    ['__proto__', 'a'],
    ['', 'b'],
  ]);
  const batch = build(new BatchBuilder(), [{ body: new Uint8Array(), headers }]);
  expect(Object.entries(batch.headers(0))).toEqual([
    ['__proto__', 'a'],
    ['', 'b'],
  ]);
});

test('memory is used again once everything built in it is released, and not before', () => {
  const builder = new BatchBuilder();
  const first = build(builder, [{ body: Buffer.from('first'), headers: {} }]);
  const second = build(builder, [{ body: Buffer.from('second'), headers: {} }]);
  expect(second.first).toBe(1);
  first.release();
  first.release();
  expect(build(builder, [{ body: Buffer.from('third'), headers: {} }]).first).toBe(2);
  expect(Buffer.from(second.body(0)).toString()).toBe('second');
});

test('a batch larger than a block gets a block of its own', () => {
  const builder = new BatchBuilder();
  const body = new Uint8Array(3 << 20).fill(7);
  const batch = build(builder, [{ body, headers: { a: 'b' } }]);
  expect(batch.bodyView(0).equals(body)).toBe(true);
});

test('a body that is kept is a copy', () => {
  const builder = new BatchBuilder();
  const batch = build(builder, [{ body: Buffer.from('kept'), headers: {} }]);
  const kept = batch.body(0);
  batch.release();
  build(builder, [{ body: Buffer.from('over'), headers: {} }]);
  expect(Buffer.from(kept).toString()).toBe('kept');
});

test('lines are the same however the text is cut', () => {
  const builder = new BatchBuilder();
  const text = fc
    .uint8Array({ maxLength: 400 })
    .map((bytes) => bytes.map((byte) => (byte % 7 === 0 ? 10 : byte % 128)));
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (bytes, cuts) => {
      const lines: string[] = [];
      let tail = Buffer.alloc(0);
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const data = bytes.subarray(at, at + cuts[cut % cuts.length]!);
        at += data.length;
        const { batch, consumed } = builder.splitLines(tail, data, 10_000);
        for (let index = 0; index < batch.length; index += 1) lines.push(batch.bodyView(index).toString());
        batch.release();
        tail = Buffer.concat(consumed > 0 ? [data.subarray(consumed)] : [tail, data]);
      }
      expect([...lines, tail.toString()]).toEqual(Buffer.from(bytes).toString().split('\n'));
    }),
  );
});

test('a line that fills more than a block goes on in a larger one', () => {
  const builder = new BatchBuilder();
  const text = Buffer.alloc((1 << 20) + 1, 'x');
  text[1 << 20] = 10;
  const { batch, consumed, more } = builder.splitLines(Buffer.alloc(0), text, 2 << 20);
  expect([batch.length, consumed, more]).toEqual([1, text.length, false]);
  expect(batch.byteLength).toBeGreaterThan(1 << 20);
});

test('numbers that name no event, or reach outside their block, are refused', () => {
  const builder = new BatchBuilder();
  const batch = build(builder, [{ body: Buffer.from('a'), headers: {} }]);
  expect(() => batch.body(1)).toThrow(RangeError);
  expect(() => batch.slice(0, 2)).toThrow(RangeError);
  const numbers = { base: 0, size: batch.size, first: 0, length: 1, start: 0, end: 3 };
  for (const wrong of [{ end: 1 }, { end: 1e9 }, { first: 1e9 }, { length: 1e9 }, { base: 1e9 }, { size: 1e12 }]) {
    expect(() => new Batch(batch.memory, { ...numbers, ...wrong }).checksum()).toThrow(
      expect.objectContaining({ code: 'MR_BATCH_INVALID' }),
    );
  }
});

test('Avro’s encoding is decoded, and its first bad byte is named', () => {
  const builder = new BatchBuilder();
  // Two events, h1=v1, as Flume's client sends them; the second map comes in a block with its byte size.
  const encoded = Buffer.from('02046831047631000' + '66f6e6501' + '0c' + '046831047631' + '00' + '0674776f', 'hex');
  const batch = builder.decode(encoded, 2);
  expect(bodiesOf(batch)).toEqual([[...Buffer.from('one')], [...Buffer.from('two')]]);
  expect(headersOf(batch)).toEqual([{ h1: 'v1' }, { h1: 'v1' }]);
  expect(() => builder.decode(encoded.subarray(0, 9), 1)).toThrow(
    expect.objectContaining({ code: 'MR_BATCH_INVALID' }),
  );
});

test('events count up, in as large a batch as is asked for', () => {
  const batch = new BatchBuilder().count(98, 50_000);
  const texts = Array.from({ length: batch.length }, (_, index) => batch.bodyView(index).toString());
  expect(texts).toEqual(Array.from({ length: 50_000 }, (_, index) => String(98 + index)));
});

test('a changed batch is its events with their headers changed, wherever it lies', () => {
  const [source, target] = [new BatchBuilder(), new BatchBuilder()];
  const name = fc.constantFrom('a', 'b', '', 'grüße');
  const edit = fc.record(
    { name, value: fc.string({ unit: 'grapheme' }), preserve: fc.boolean() },
    { requiredKeys: ['name'] },
  );
  const given = fc.record({
    body: fc.uint8Array({ maxLength: 300 }),
    headers: fc.dictionary(name, fc.string(), { noNullPrototype: true }),
  });
  // Many events go beyond the block that is being filled, and large ones beyond any.
  const times = fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.constant(400));
  fc.assert(
    fc.property(
      fc.array(given, { maxLength: 9 }),
      fc.array(edit, { maxLength: 4 }),
      times,
      fc.nat(),
      (some, edits, n, cut) => {
        const events = Array.from({ length: n }, () => some).flat();
        const batch = build(source, events);
        const from = events.length === 0 ? 0 : cut % events.length;
        const wanted = (index: number) => index % 3 !== 1;
        const changed = target.change(
          batch.slice(from),
          edits,
          cut % 2 === 0 ? undefined : Uint8Array.from(events.slice(from), (_, index) => Number(wanted(index))),
        );
        const kept = events.slice(from).filter((_, index) => cut % 2 === 0 || wanted(index));
        expect(bodiesOf(changed)).toEqual(kept.map(({ body }) => [...body]));
        const expected = kept.map(({ headers: before }) => {
          const headers = { ...before };
          for (const { name, value, preserve } of edits) {
            if (value === undefined) delete headers[name];
            else if (!preserve || headers[name] === undefined) headers[name] = value;
          }
          return headers;
        });
        expect(headersOf(changed)).toEqual(expected);
        expect(new Set(changed.headerNames())).toEqual(new Set(expected.flatMap((headers) => Object.keys(headers))));
        expect(changed.headerNames().length).toBe(new Set(changed.headerNames()).size);
        batch.release();
        if (cut % 5 !== 0) changed.release();
      },
    ),
  );
});

test('changing a batch leaves alone what is being appended', () => {
  const builder = new BatchBuilder();
  builder.append('one', { a: '1' });
  const batch = builder.finish();
  builder.append('two');
  const changed = builder.change(batch, [{ name: 'b', value: '2' }]);
  builder.append('three');
  const rest = builder.finish();
  expect([changed.headers(0), rest.length, rest.bodyView(1).toString()]).toEqual([{ a: '1', b: '2' }, 2, 'three']);
});
