import { type Batch, encodeThrift } from '@millrace/channel-native';
import type { Parser } from './byte-feed.ts';
import { type Call, type Codec, REPLY_BYTES_MAX, type Reply } from './codec.ts';
import { type Encoding, KIND, replyIn } from './thrift-reply.ts';

/*
 * A message, either way:   int32 length │ head │ struct
 *                 compact                                          binary
 * head            82 (answer 82 too) │ kind << 5 | 1 │             80 01 00 kind │ int32 length, name │
 *                 varint sequence id │ varint length, name         int32 sequence id
 * asked           append: field 1, a struct; appendBatch: field 1, a list of structs; then the end of the fields, 00
 * answered        field 0, an i32: the status; an exception: field 1, its text, and field 2, its type
 */

const END_OF_FIELDS = 0;
const NO_BYTES = Buffer.alloc(0);
const LENGTH_BYTES = 4;

/** Flume's Thrift protocol, in frames of one of the two encodings. */
export function thriftCodec(encoding: Encoding): Codec {
  return {
    peer: `a Thrift source with protocol = ${encoding}`,
    request(serial, call, batch, spare = NO_BYTES) {
      const head = headOf[encoding](serial, call, batch);
      const from = LENGTH_BYTES + head.length;
      let memory = spare;
      let end = from + encodeThrift(batch, encoding, memory.subarray(from));
      if (end >= memory.length) {
        memory = Buffer.allocUnsafeSlow(end + (end >> 2) + 1);
        end = from + encodeThrift(batch, encoding, memory.subarray(from));
      }
      memory.writeInt32BE(end + 1 - LENGTH_BYTES);
      head.copy(memory, LENGTH_BYTES);
      memory[end] = END_OF_FIELDS;
      return { pieces: [memory.subarray(0, end + 1)], memory };
    },
    *reply(): Parser<Reply> {
      const length = (yield LENGTH_BYTES).readInt32BE();
      if (length <= 0 || length > REPLY_BYTES_MAX) throw new Error(`a frame of ${length} bytes is announced`);
      return replyIn(yield length, encoding);
    },
  };
}

/** What stands before the events. */
const headOf: Readonly<Record<Encoding, (serial: number, call: Call, batch: Batch) => Buffer>> = {
  compact(serial, call, { length }) {
    const list = length < 15 ? [(length << 4) | 0x0c] : [0xfc, ...varint(length)];
    const field = call === 'append' ? [0x1c] : [0x19, ...list];
    return Buffer.concat([
      Buffer.from([0x82, (KIND.call << 5) | 1, ...varint(serial), call.length]),
      Buffer.from(call),
      Buffer.from(field),
    ]);
  },
  binary(serial, call, { length }) {
    const field = call === 'append' ? [0x0c, 0, 1] : [0x0f, 0, 1, 0x0c, ...int32(length)];
    return Buffer.concat([
      Buffer.from([0x80, 1, 0, KIND.call, ...int32(call.length)]),
      Buffer.from(call),
      Buffer.from([...int32(serial), ...field]),
    ]);
  },
};

function int32(value: number): number[] {
  return [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
