import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Batch } from './batch.ts';
import { BatchBuilder } from './batch-builder.ts';
import { TextReader } from './text-reader.ts';

/** The lines of a text that arrives in pieces. */
function read(pieces: readonly Uint8Array[], lineBytesMax = 1 << 20): { lines: string[]; cuts: number } {
  const reader = new TextReader(new BatchBuilder(), lineBytesMax);
  const lines: string[] = [];
  const take = (batches: Batch[]) => {
    for (const batch of batches) {
      for (let at = 0; at < batch.length; at += 1) lines.push(batch.bodyView(at).toString());
      batch.release();
    }
  };
  for (const piece of pieces) {
    reader.room(piece.length).set(piece);
    take(reader.took(piece.length));
  }
  take(reader.end());
  return { lines, cuts: reader.cuts };
}

test('lines are the same however the text is cut', () => {
  const byte = fc.constantFrom(...Buffer.from('ab\n\r'));
  const cutting = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 200 }), cutting, (bytes, cuts) => {
      const text = Buffer.from(bytes);
      const pieces: Buffer[] = [];
      for (let at = 0, cut = 0; at < text.length; cut += 1) {
        const length = cuts[cut % cuts.length]! || 1;
        pieces.push(text.subarray(at, at + length), Buffer.alloc(0));
        at += length;
      }
      const expected = text.toString().split(/\r\n|\r|\n/);
      if (expected.at(-1) === '') expected.pop();
      expect(read(pieces).lines).toEqual(expected);
    }),
  );
});

test('a line may be much longer than a piece and a block', () => {
  const long = Buffer.alloc(3_000_000, 'long ');
  const pieces = Array.from({ length: 50 }, (_, at) => long.subarray(at * 60_000, (at + 1) * 60_000));
  const { lines, cuts } = read([Buffer.from('before\n'), ...pieces, Buffer.from('\nafter')], 8 << 20);
  expect(cuts).toBe(0);
  expect(lines).toEqual(['before', long.toString(), 'after']);
});

test('a line without end is cut, between characters, and loses nothing', () => {
  const piece = Buffer.from('ü'.repeat(500));
  const { lines, cuts } = read(
    Array.from({ length: 100 }, () => piece),
    4_095,
  );
  expect(lines.join('')).toBe('ü'.repeat(50_000));
  expect(new Set(lines.slice(0, -1).map((line) => line.length))).toEqual(new Set([2_047]));
  expect(cuts).toBe(lines.length - 1);
});

test('bytes that are no text become U+FFFD, also where there is hardly room', () => {
  const { lines } = read([Buffer.alloc(300_000, 0xff), Buffer.from('\nb\xffd\n', 'latin1')]);
  expect(lines).toEqual(['\ufffd'.repeat(300_000), 'b\ufffdd']);
});
