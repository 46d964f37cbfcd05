import { randomBytes } from 'node:crypto';
import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import type { Batch } from '@millrace/kernel/component';
import type { Serializer, SerializerConfig } from '../serializer.ts';

/**
 * An Avro container file; numbers and lengths are Avro longs.
 *
 *     head:   "Obj" 01 · map of schema and codec · sync marker
 *     block:  events · bytes · the events, compressed · sync marker
 *
 * A batch holds its events in Avro's encoding of this very schema, so a block takes them as they lie, in one copy and without
 * looking at any.
 */

const SCHEMA = {
  type: 'record',
  name: 'Event',
  fields: [
    { name: 'headers', type: { type: 'map', values: 'string' } },
    { name: 'body', type: 'bytes' },
  ],
};

const codecs: Record<SerializerConfig['compressionCodec'], (bytes: Uint8Array) => Uint8Array> = {
  null: (bytes) => bytes,
  deflate: (bytes) => deflateRawSync(bytes),
  zstandard: (bytes) => zstdCompressSync(bytes),
};

/** Takes events as they are encoded in a batch, so that whoever has batches can write container files. */
export function create({
  compressionCodec,
  syncIntervalBytes,
}: Pick<SerializerConfig, 'compressionCodec' | 'syncIntervalBytes'>): Serializer {
  const compress = codecs[compressionCodec];
  const sync = randomBytes(16);
  const map = [text('avro.schema'), text(JSON.stringify(SCHEMA)), text('avro.codec'), text(compressionCodec)];
  return {
    head: Buffer.concat([Buffer.from('Obj\u0001'), long(2), ...map, long(0), sync]),

    encode(batch: Batch) {
      const blocks = cut(batch, syncIntervalBytes).flatMap((block) => {
        const { memory, base, start, end } = block;
        const data = compress(memory.subarray(base + start, base + end));
        return [long(block.length), long(data.length), data, sync];
      });
      return Buffer.concat(blocks);
    },
  };
}

/** Cuts a batch behind every event with which a block has grown to `bytes`. */
function cut(batch: Batch, bytes: number): Batch[] {
  if (batch.byteLength <= bytes) return [batch];
  const blocks: Batch[] = [];
  let [from, size] = [0, 0];
  for (let index = 0; index < batch.length; index += 1) {
    size += batch.slice(index, index + 1).byteLength;
    if (size < bytes && index < batch.length - 1) continue;
    blocks.push(batch.slice(from, index + 1));
    [from, size] = [index + 1, 0];
  }
  return blocks;
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([long(bytes.length), bytes]);
}

/** A number from 0 to 2⁵² as an Avro long: zig-zag, 7 bits to a byte, the lowest first. */
function long(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.of(...bytes, rest);
}
