import fc from 'fast-check';
import { expect, test } from 'vitest';
import { avroCodec } from './avro.ts';
import { ByteFeed } from './byte-feed.ts';
import type { Reply } from './codec.ts';
import { frame } from './raw-peer.test.fixture.ts';
import { thriftCodec } from './thrift.ts';

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });

/** Cuts bytes into pieces of the given lengths, again and again. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const cuts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += cuts.at(-1)!.length) {
    cuts.push(bytes.subarray(at, at + lengths[cuts.length % lengths.length]!));
  }
  return cuts;
}

test('replies are the same however their bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 20 }), pieces, (serials, lengths) => {
      const bytes = Buffer.concat(serials.map((serial) => frame(serial, [0, 0, 0])));
      const read: Reply[] = [];
      const feed = new ByteFeed(avroCodec.reply, (reply) => read.push(reply));
      for (const piece of cut(bytes, lengths)) feed.push(piece);
      expect(read).toEqual(serials.map((serial) => ({ serial, outcome: 'OK' })));
    }),
  );
});

test.for([
  ['avro', avroCodec],
  ['thrift-compact', thriftCodec('compact')],
  ['thrift-binary', thriftCodec('binary')],
] as const)('whatever comes as %s is a reply or an error, and never waits for more than it may', ([, codec]) => {
  const framed = fc.uint8Array({ maxLength: 60 }).map((bytes) => {
    const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, bytes.length]);
    return codec === avroCodec ? Buffer.concat([head, bytes]) : Buffer.concat([head.subarray(8), bytes]);
  });
  fc.assert(
    fc.property(fc.oneof(framed, fc.uint8Array({ maxLength: 200 })), pieces, (bytes, lengths) => {
      const feed = new ByteFeed(codec.reply, ({ outcome }) => expect(outcome).toEqual(expect.any(String)));
      try {
        for (const piece of cut(Buffer.from(bytes), lengths)) feed.push(piece);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
