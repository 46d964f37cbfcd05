import { addon } from './addon.ts';
import type { Batch } from './batch.ts';
import type { BatchBuilder } from './batch-builder.ts';

const NEWLINE = 10;
const RETURN = 13;
/** What there is room for at least, unless more is asked for. */
const ROOM_BYTES = 64 << 10;
/** Memory that is kept while lines are not longer. */
const MEMORY_BYTES = 256 << 10;
/** A byte that is no text becomes three, and a third of a block is table. */
const GROWTH = 5;

/** events, bytes, consumed, cuts, whether the block is full: what the last native call did. */
const did = new Uint32Array(5) as Uint32Array & [number, number, number, number, number];

/**
 * Makes an event of every line of a text that arrives in pieces, in the memory of a builder. Lines end as for Java's `readLine`: at `\n`, `\r` or
 * `\r\n`. What is not UTF-8 becomes U+FFFD.
 */
export class TextReader {
  readonly #builder: BatchBuilder;
  readonly #lineBytesMax: number;
  /** The unfinished line, and room for what follows it. */
  #memory = Buffer.allocUnsafeSlow(MEMORY_BYTES);
  #length = 0;
  #afterReturn = false;
  #cuts = 0;

  /** A line of more than `lineBytesMax` becomes several events, cut between characters. */
  constructor(builder: BatchBuilder, lineBytesMax: number) {
    this.#builder = builder;
    this.#lineBytesMax = lineBytesMax;
  }

  /** How often a line was cut. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Where the next piece is to be written. */
  room(bytes = ROOM_BYTES): Buffer {
    const needed = this.#length + bytes;
    const wanted = Math.max(MEMORY_BYTES, 2 ** Math.ceil(Math.log2(needed)));
    const { length } = this.#memory;
    if (length < needed || length > 2 * wanted) {
      const other = Buffer.allocUnsafeSlow(wanted);
      this.#memory.copy(other, 0, 0, this.#length);
      this.#memory = other;
    }
    return this.#memory.subarray(this.#length);
  }

  /** The lines that are complete now that so many bytes have been written to the room. */
  took(bytes: number): Batch[] {
    return bytes > 0 ? this.#split(bytes, false) : [];
  }

  /** The last line, if it has no end. */
  end(): Batch[] {
    return this.#split(0, true);
  }

  #split(more: number, ended: boolean): Batch[] {
    const batches: Batch[] = [];
    const searched = this.#length;
    this.#length += more;
    const text = this.#memory.subarray(0, this.#length);
    let from = this.#afterReturn && text[0] === NEWLINE ? 1 : 0;
    for (let block = this.#builder.block; ; ) {
      const { memory, fill, entries } = block;
      const known = Math.max(0, searched - from);
      addon.splitText(memory, fill, entries, text.subarray(from), known, ended, this.#lineBytesMax, did);
      const [events, bytes, consumed, cuts, full] = did;
      from += consumed;
      this.#cuts += cuts;
      if (events > 0) batches.push(this.#builder.finishIn(block, events, bytes));
      if (full === 0) break;
      block = this.#builder.nextBlock(GROWTH * (text.length - from) + ROOM_BYTES);
    }
    this.#afterReturn = from === text.length && text[from - 1] === RETURN;
    text.copyWithin(0, from);
    this.#length -= from;
    return batches;
  }
}
