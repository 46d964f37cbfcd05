import type { Batch } from '@millrace/channel-native';
import type { Parser } from './byte-feed.ts';
import { type Call, type Codec, outcomeOf, REPLY_BYTES_MAX, type Reply } from './codec.ts';

/*
 * A message, either way:   int32 serial │ int32 n │ n × ( int32 length │ bytes )
 * The n buffers are one stream; it holds, in Avro's encoding:
 * - a request:   metadata (a map) │ name of the message │ its parameter: an event, or an array of events
 * - a reply:     metadata (a map) │ false │ the status      or      metadata │ true │ which error (a string) │ its text
 */

/** Metadata of none, and the name of the message. */
const CALLS: Readonly<Record<Call, Buffer>> = {
  append: Buffer.from('\0\x0cappend'),
  appendBatch: Buffer.from('\0\x16appendBatch'),
};
const END_OF_ARRAY = Buffer.from([0]);
const STATUS = ['OK', 'FAILED', 'UNKNOWN'];
/** Bytes of a message before its only buffer. */
export const HEAD_BYTES = 12;
/** Bytes of the longest number. */
export const VARINT_BYTES_MAX = 10;

/** Flume's Avro protocol, on a connection whose handshake is done. */
export const avroCodec: Codec = {
  peer: 'an Avro source',

  request(serial, call, batch) {
    const name = CALLS[call];
    const head = Buffer.allocUnsafe(HEAD_BYTES + name.length + VARINT_BYTES_MAX);
    let end = HEAD_BYTES + name.copy(head, HEAD_BYTES);
    if (call === 'append') return { pieces: [frame(head, end, serial, batch.byteLength), eventsOf(batch)] };
    end = writeLong(head, end, batch.length);
    return { pieces: [frame(head, end, serial, batch.byteLength + 1), eventsOf(batch), END_OF_ARRAY] };
  },

  *reply(): Parser<Reply> {
    const { serial, stream } = yield* avroMessage();
    stream.skipMap();
    if (stream.byte() === 0) return { serial, outcome: outcomeOf(STATUS, stream.long()) };
    stream.long();
    return { serial, outcome: stream.bytes().toString() };
  },
};

/** The events of a batch, where they lie. */
function eventsOf({ memory, base, start, byteLength }: Batch): Buffer {
  return Buffer.from(memory.buffer, memory.byteOffset + base + start, byteLength);
}

/** Completes the head of a message of one buffer, of which what is in `head` and `more` bytes behind it are the content. */
export function frame(head: Buffer, end: number, serial: number, more: number): Buffer {
  head.writeInt32BE(serial, 0);
  head.writeInt32BE(1, 4);
  head.writeInt32BE(end - HEAD_BYTES + more, 8);
  return head.subarray(0, end);
}

/** Writes a number that is not negative; returns where it ends. */
export function writeLong(into: Buffer, at: number, value: number): number {
  let [rest, end] = [value * 2, at];
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) end = into.writeUInt8((rest % 0x80) | 0x80, end);
  return into.writeUInt8(rest, end);
}

/** Reads a message and joins its buffers. */
export function* avroMessage(): Parser<{ readonly serial: number; readonly stream: AvroReader }> {
  const head = yield 8;
  const buffers: Buffer[] = [];
  let bytes = head.length;
  for (let left = head.readInt32BE(4); left > 0; left -= 1) {
    const length = (yield 4).readInt32BE();
    bytes += 4 + length;
    if (length < 0 || bytes > REPLY_BYTES_MAX) throw new Error(`a buffer of ${length} bytes is announced`);
    if (length > 0) buffers.push(yield length);
  }
  return { serial: head.readInt32BE(), stream: new AvroReader(Buffer.concat(buffers)) };
}

/** Reads values in Avro's encoding one after the other. Throws `RangeError` behind the end. */
export class AvroReader {
  readonly #from: Buffer;
  #at = 0;

  constructor(from: Buffer) {
    this.#from = from;
  }

  byte(): number {
    return this.#from.readUInt8(this.#at++);
  }

  long(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  fixed(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#from.length) throw new RangeError(`${length} bytes are announced and not there`);
    const bytes = this.#from.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  bytes(): Buffer {
    return this.fixed(this.long());
  }

  /** A union of null and something else. */
  optional<Value>(read: () => Value): Value | undefined {
    return this.long() === 0 ? undefined : read();
  }

  /** Passes over a map of bytes. */
  skipMap(): void {
    for (let left = this.long(); left !== 0; left = this.long()) {
      if (left < 0) this.fixed(this.long());
      else for (; left > 0; left -= 1) for (const _ of ['name', 'value']) this.bytes();
    }
  }
}
