import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Codec, FrameReader, loadCodec } from './frames.ts';

let codec: Codec;
beforeAll(async () => {
  codec = await loadCodec();
});

/** What a reader makes of bytes that arrive in pieces which end at the given places. */
function readInPieces(bytes: Buffer, cuts: readonly number[], bytesMax = 1 << 20): unknown[] {
  const reader = new FrameReader(bytesMax);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((one, other) => one - other);
  return ends.flatMap((end, at) =>
    [...reader.read(bytes.subarray(ends[at - 1] ?? 0, end))].map((frame) => codec.decode(frame)),
  );
}

const plain = fc.dictionary(
  fc.string().filter((key) => key !== '__proto__'),
  fc
    .jsonValue({ noUnicodeString: false })
    .map((value) => JSON.parse(JSON.stringify(value).replaceAll('-0', '0').replaceAll('__proto__', 'proto'))),
  { noNullPrototype: true },
);

test('messages arrive as they were sent, however they are cut on the way', () => {
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
      const bytes = Buffer.concat(messages.map((message) => codec.encode(message)));
      expect(readInPieces(bytes, cuts)).toEqual(messages);
    }),
  );
});

test('values of every length and size arrive as they were sent', () => {
  const sizes = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536];
  const numbers = [2 ** 7, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 52].flatMap((size) => [
    size - 1,
    size,
    -size,
    -size - 1,
  ]);
  const message = {
    texts: sizes.map((size) => 'x'.repeat(size)),
    lists: sizes.map((size) => Array.from({ length: size }, () => true)),
    maps: sizes.map((size) => Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, null]))),
    numbers: [...numbers, 0.5, -0.1, 1e300],
  };
  expect(readInPieces(codec.encode(message), [], 1 << 24)).toEqual([message]);
});

test('bytes that were never a message are refused or read, and end nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      try {
        codec.decode(Buffer.from(bytes));
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR_CONTROL' });
      }
    }),
    { numRuns: 2_000 },
  );
});

test.for([
  ['no byte', [0, 0, 0, 0]],
  ['one byte too many', [0, 0, 1, 1]],
  ['four gigabytes', [0xff, 0xff, 0xff, 0xff]],
] as const)('a frame that says it has %s is refused before anything is read of it', ([, length]) => {
  const reader = new FrameReader(256);
  expect(() => [...reader.read(Buffer.from(length))]).toThrow(
    expect.objectContaining({ code: 'MR_CONTROL', message: expect.stringContaining('between 1 and 256') }),
  );
});

test.for([
  ['a list of 33 million entries', [0xdd, 0x01, 0xff, 0xff, 0xff]],
  [
    'lists of 33 million entries in each other',
    Array.from({ length: 1_000 }, () => [0xdd, 0x01, 0xff, 0xff, 0xff]).flat(),
  ],
  ['a map of 4 billion entries', [0xdf, 0xff, 0xff, 0xff, 0xff]],
  ['a text of which the end is missing', [0xd9, 5, 97]],
  ['a number of which the end is missing', [0xcd, 1]],
  ['two values', [1, 2]],
  ['the byte that MessagePack does not use', [0xc1]],
  ['a record, which is an extension', [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1]],
  ['a date, which is an extension', [0xd6, 0xff, 0, 0, 0, 0]],
  ['64,000 lists in each other', [...Array.from({ length: 64_000 }, () => 0x91), 0xc0]],
] as const)('%s in a frame is refused, and nothing is made for it', ([, bytes]) => {
  const frame = Buffer.from(bytes);
  const before = process.memoryUsage().heapTotal;
  expect(() => codec.decode(frame)).toThrow(expect.objectContaining({ code: 'MR_CONTROL' }));
  expect(process.memoryUsage().heapTotal - before).toBeLessThan(64 << 20);
});
