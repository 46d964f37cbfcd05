import { addon } from './addon.ts';
import type { Batch, Headers } from './batch.ts';
import type { BatchBuilder } from './batch-builder.ts';
import type { StagedDatagrams } from './datagram-socket.ts';

/** What is put back in front of a body, or `all` for messages as they were sent. */
export interface KeptFields {
  readonly priority?: boolean;
  readonly version?: boolean;
  readonly timestamp?: boolean;
  readonly hostname?: boolean;
  readonly all?: boolean;
}

/** How messages become events. */
export interface SyslogRules {
  /** As Flume's `syslogtcp` and `syslogudp` understand them, as its `multiport_syslogtcp` does, or not at all, as its `netcatudp`. */
  readonly parser: 'classic' | 'multiport' | 'plain';
  readonly keep?: KeptFields;
  /** Most bytes of a message in a stream, at least 10; a longer one is cut into several events. */
  readonly eventBytesMax?: number;
  /** Whether messages in a stream may be counted (RFC 6587). */
  readonly counted?: boolean;
  /** What messages are in, for `multiport`; without one UTF-8. {@link isSyslogCharset} knows which there are. */
  readonly charset?: string | undefined;
}

/** What {@link SyslogReader.read} found in a piece of a stream. */
export interface SyslogMessages {
  /** The whole messages, one event each; it may be empty. */
  readonly batch: Batch;
  /** Bytes of `data` that are done with; the rest is an unfinished message, or, with `more`, not yet looked at. */
  readonly consumed: number;
  /** Bytes of a counted message that follow what is done with: give them to the next call. */
  readonly left: number;
  /** The block was full: call again with the rest of `data`. */
  readonly more: boolean;
}

const parsers = { classic: 0, multiport: 1, plain: 2 } as const;
const BLOCK_FULL = 2;
const EVENT_BYTES_DEFAULT = 2_500;
/** Headers, and an entry in the table, at their largest but for the texts of a host and of those from outside. */
const EVENT_OVERHEAD = 256;
/** A byte that is no text becomes three. */
const REPLACED = 3;
/** Of a block, a third is table. */
const TABLE = 1.5;

/** events, bytes, consumed, flags, left: what the last native call did. It is used up before another one is made. */
const did = new Uint32Array(5) as Uint32Array & [number, number, number, number, number];

/** Makes events of syslog messages, in the memory of a builder. It keeps nothing between calls: any number of connections can share it. */
export class SyslogReader {
  readonly #builder: BatchBuilder;
  readonly #rules: number;
  readonly #eventBytesMax: number;
  readonly #charset: string | undefined;

  constructor(builder: BatchBuilder, rules: SyslogRules) {
    const { parser, keep = {}, eventBytesMax = EVENT_BYTES_DEFAULT, counted = false, charset } = rules;
    const bits = [keep.priority, keep.version, keep.timestamp, keep.hostname, keep.all, counted];
    this.#builder = builder;
    this.#rules = bits.reduce((sum, bit, at) => sum + (bit ? 4 << at : 0), parsers[parser] as number);
    this.#eventBytesMax = eventBytesMax;
    this.#charset = charset;
  }

  /**
   * Makes an event of every message that is complete in `tail` followed by `data`. `tail` is the unfinished rest of what came before, `left` what
   * the call before said, and `map` the headers from outside.
   */
  read(tail: Uint8Array, data: Uint8Array, left: number, map: Uint8Array): SyslogMessages {
    for (let block = this.#builder.block; ; ) {
      const { memory, fill, entries } = block;
      const [rules, bytesMax, charset] = [this.#rules, this.#eventBytesMax, this.#charset];
      addon.readSyslog(memory, fill, entries, tail, data, left, rules, bytesMax, charset, map, did);
      const [events, bytes, consumed, flags, stillLeft] = did;
      const more = (flags & BLOCK_FULL) !== 0;
      if (!more || events > 0) {
        return { batch: this.#builder.finishIn(block, events, bytes), consumed, left: stillLeft, more };
      }
      block = this.#builder.nextBlock(largest(tail.length + data.length, map.length));
    }
  }

  /** Makes an event of every datagram. `maps` are the headers from outside, as {@link headerMap} encodes them, of each place that datagrams come from. */
  datagrams({ bytes: staged, marks, count }: StagedDatagrams, maps: readonly Uint8Array[] = []): Batch[] {
    const batches: Batch[] = [];
    const origins = new Uint32Array(2 * maps.length);
    for (let at = 0, length = 0; at < maps.length; at += 1) {
      origins[2 * at] = length;
      length += maps[at]!.length;
      origins[2 * at + 1] = length;
    }
    const joined = Buffer.concat(maps);
    let [at, from] = [0, 0];
    for (let block = this.#builder.block; ; ) {
      const { memory, fill, entries } = block;
      const rest = staged.subarray(from);
      const left = marks.subarray(2 * at);
      addon.readDatagrams(memory, fill, entries, rest, left, count - at, origins, joined, this.#rules, did);
      const [events, bytes, read, flags] = did;
      if (events > 0) batches.push(this.#builder.finishIn(block, events, bytes));
      if ((flags & BLOCK_FULL) === 0) return batches;
      for (const end = at + read; at < end; at += 1) from += marks[2 * at]!;
      block = this.#builder.nextBlock(largest(marks[2 * at]!, maps[marks[2 * at + 1]!]?.length ?? 0));
    }
  }
}

/** Bytes that a block needs at most for one event. */
function largest(bytes: number, mapBytes: number): number {
  return Math.ceil(TABLE * (REPLACED * bytes + mapBytes + EVENT_OVERHEAD)) + BLOCK_BYTES;
}

const BLOCK_BYTES = 256 << 10;

/** Headers in the encoding that {@link SyslogReader} takes for those from outside. */
export function headerMap(builder: BatchBuilder, headers: Headers): Uint8Array {
  builder.append('', headers);
  const batch = builder.finish();
  // What follows the map is the length of an empty body.
  const map = batch.memory.slice(batch.start, batch.end - 1);
  batch.release();
  return map;
}

/** Whether messages may be in a character set: it is known, and its line ends, blanks and digits are those of ASCII. */
export function isSyslogCharset(label: string): boolean {
  return addon.isSyslogCharset(label);
}
