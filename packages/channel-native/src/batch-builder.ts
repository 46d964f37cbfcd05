import { addon } from './addon.ts';
import { Batch, type Block, type Headers } from './batch.ts';
import { BlockPool, newBlock } from './block-pool.ts';

/** What {@link BatchBuilder.splitLines} found in a piece of text. */
export interface Lines {
  /** The whole lines, one event each; it may be empty. */
  readonly batch: Batch;
  /** Bytes of `data` that are done with; the rest is an unfinished line, or, with `more`, not yet looked at. */
  readonly consumed: number;
  /** A line, or the unfinished rest, has reached the limit without an end. The lines before it are in the batch. */
  readonly overlong: boolean;
  /** The block was full: call again with the rest of `data`. */
  readonly more: boolean;
}

/** A header that is set in every event of a batch; without a value it is removed. */
export interface HeaderEdit {
  readonly name: string;
  readonly value?: string;
  /** Whether an event that has the header keeps its own. */
  readonly preserve?: boolean;
}

const BLOCK_BYTES = 256 << 10;
/** Digits of the largest number. */
const DIGITS_MAX = 20;
/** Full blocks that are kept in case they come free. */
const BLOCKS_KEPT = 8;
/** Bytes of a batch's table for each event. */
const ENTRY_BYTES = 8;
const NO_BYTES = new Uint8Array();
/** An event's entry, its map and the length of its body, at their largest without headers. */
const EVENT_OVERHEAD = ENTRY_BYTES + 1 + 5;

/**
 * Builds batches in scratch memory of its own. As soon as every batch built in it was released, the memory is used again from the
 * front; so a builder whose batches are consumed at once stays in the cache. Batches finished one after the other are neighbours in memory and
 * can be put as one.
 */
export class BatchBuilder {
  #block: Block = newBlock(BLOCK_BYTES);
  /** Blocks that were full; those whose batches are all released are used again. */
  readonly #full: Block[] = [];
  #staged = Buffer.allocUnsafe(4096);
  #stagedLength = 0;
  #stagedEvents = 0;
  /** events, bytes, consumed, flags: what the last native call did. */
  readonly #did = new Uint32Array(4);

  /** Events appended since the last `finish`. */
  get length(): number {
    return this.#stagedEvents;
  }

  /** Adds an event. Text is encoded as UTF-8; bytes are copied. */
  append(body: Uint8Array | string, headers?: Headers): void {
    const pairs = headers === undefined ? [] : Object.entries(headers);
    this.#stageLength(pairs.length);
    for (const [name, value] of pairs) {
      this.#stage(name);
      this.#stage(value);
    }
    this.#stage(body);
    this.#stagedEvents += 1;
  }

  /** Everything appended since the last time, as one batch. */
  finish(): Batch {
    const staged = this.#staged.subarray(0, this.#stagedLength);
    const events = this.#stagedEvents;
    this.#stagedLength = 0;
    this.#stagedEvents = 0;

    for (let size = this.#stagedBytesMax(staged.length, events); ; size *= 2) {
      const block = this.#block;
      addon.buildBatch(block.memory, block.fill, block.entries, staged, events, this.#did);
      if (this.#did[0] === events) return this.#finished();
      this.nextBlock(size);
    }
  }

  /**
   * Splits text into lines, as Flume's netcat source does: at `\n` only. The first line continues `tail`. `charsMax` bounds a line, with
   * its end, in UTF-16 units.
   */
  splitLines(tail: Uint8Array, data: Uint8Array, charsMax: number): Lines {
    for (;;) {
      const block = this.#block;
      addon.splitLines(block.memory, block.fill, block.entries, tail, data, charsMax, this.#did);
      const [events, , consumed, flags] = this.#did as unknown as [number, number, number, number];
      const more = (flags & 2) !== 0;
      if (!more || events > 0) return { batch: this.#finished(), consumed, overlong: (flags & 1) !== 0, more };
      // A replaced byte takes three, and a third of a block is table.
      const needed = 5 * (tail.length + data.length) + EVENT_OVERHEAD;
      this.nextBlock(Math.max(needed, BLOCK_BYTES));
    }
  }

  /** Events without headers whose bodies count up from a number, in decimal digits: for sources that make their own load. */
  count(from: number, count: number): Batch {
    for (let size = this.#stagedBytesMax(count * DIGITS_MAX, count); ; size *= 2) {
      const block = this.#block;
      addon.countBatch(block.memory, block.fill, block.entries, from, count, this.#did);
      if (this.#did[0] === count) return this.#finished();
      this.nextBlock(size);
    }
  }

  /** Events in Avro's encoding, as they come from a wire, as one batch. Throws `MR_BATCH_INVALID` with the offset of the first bad byte. */
  decode(encoded: Uint8Array, count: number): Batch {
    for (let size = this.#stagedBytesMax(encoded.length, count); ; size *= 2) {
      const block = this.#block;
      addon.decodeBatch(block.memory, block.fill, block.entries, encoded, count, this.#did);
      if (this.#did[0] === count) return this.#finished();
      this.nextBlock(size);
    }
  }

  /** The events of a batch with their headers changed, without those that have a zero in `keep`. */
  change(batch: Batch, edits: readonly HeaderEdit[], keep: Uint8Array = NO_BYTES): Batch {
    const from = this.#stagedLength;
    for (const { name, value, preserve = false } of edits) {
      this.#stageLength(value === undefined ? 0 : preserve ? 2 : 1);
      this.#stage(name);
      if (value !== undefined) this.#stage(value);
    }
    const grownMax = this.#stagedLength - from + EVENT_OVERHEAD;
    const bytesMax = batch.byteLength + batch.length * grownMax;
    const { memory, fill, entries } = this.#block;
    if (memory.length - ENTRY_BYTES * entries - fill < bytesMax) this.nextBlock(Math.max(bytesMax, BLOCK_BYTES));
    const staged = this.#staged.subarray(from, this.#stagedLength);
    this.#stagedLength = from;
    const { memory: block, fill: at, entries: behind } = this.#block;
    const { base, size, first, length, start, end } = batch;
    addon.changeBatch(block, at, behind, staged, keep, this.#did, batch.memory, base, size, first, length, start, end);
    return this.#finished();
  }

  /** The block that is being filled, for those who write to it themselves. @internal */
  get block(): Block {
    return this.#block;
  }

  /** Blocks for batches that are to share none. @internal */
  readonly pool = new BlockPool();

  /** Goes on in a block that is free, or in a new one. @internal */
  nextBlock(bytes = BLOCK_BYTES): Block {
    if (this.#full.push(this.#block) > BLOCKS_KEPT) this.#full.shift();
    const free = this.#full.findIndex(({ pins, memory }) => pins === 0 && memory.length >= bytes);
    this.#block = free < 0 ? newBlock(bytes) : this.#full.splice(free, 1)[0]!;
    return this.#block;
  }

  /** The events that were written behind what is in a block, as a batch. @internal */
  finishIn(block: Block, length: number, bytes: number): Batch {
    const { fill: start, entries: first, memory } = block;
    block.fill += bytes;
    block.entries += length;
    block.pins += 1;
    return new Batch(memory, { base: 0, size: memory.length, first, length, start, end: start + bytes }, block);
  }

  #stagedBytesMax(bytes: number, events: number): number {
    return Math.max(BLOCK_BYTES, bytes + events * EVENT_OVERHEAD);
  }

  #finished(): Batch {
    const [length, bytes] = this.#did as unknown as [number, number];
    return this.finishIn(this.#block, length, bytes);
  }

  #stage(value: Uint8Array | string): void {
    if (typeof value === 'string') {
      const bytesMax = value.length * 3;
      this.#room(4 + bytesMax);
      const length = this.#staged.write(value, this.#stagedLength + 4, 'utf8');
      this.#stageLength(length);
      this.#stagedLength += length;
    } else {
      this.#room(4 + value.length);
      this.#stageLength(value.length);
      this.#staged.set(value, this.#stagedLength);
      this.#stagedLength += value.length;
    }
  }

  #stageLength(length: number): void {
    this.#room(4);
    this.#staged.writeUInt32LE(length, this.#stagedLength);
    this.#stagedLength += 4;
  }

  #room(bytes: number): void {
    const needed = this.#stagedLength + bytes;
    if (needed <= this.#staged.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#staged.length * 2));
    larger.set(this.#staged.subarray(0, this.#stagedLength));
    this.#staged = larger;
  }
}
