import { addon } from './addon.ts';
import type { BlockPool } from './block-pool.ts';

/** Names and values of an event, in the order in which they were encoded. */
export type Headers = Readonly<Record<string, string>>;

/** A block of memory that a builder fills; `docs/design/memory-channel.md` draws it. */
export interface Block {
  readonly memory: Uint8Array;
  /** Bytes of events written, from the front. */
  fill: number;
  /** Entries written, from the back. */
  entries: number;
  /** Batches finished in this block and not yet released. */
  pins: number;
  /** To whom it goes back when it is no longer read; else it stays with its builder. */
  readonly pool: BlockPool | undefined;
}

/**
 * A run of encoded events, the unit of everything. It is a name for a place in memory: making one, slicing it and passing it on copies no event.
 *
 * The batch of a lease is borrowed from the channel until the lease ends; a batch given to `put` or `emit` belongs to it until that settles.
 */
export class Batch {
  /** How many events there are. */
  readonly length: number;
  /** The memory that holds the block, and where in it the block begins and how long it is. */
  readonly memory: Uint8Array;
  readonly base: number;
  readonly size: number;
  /** The number of the first event in its block, and the bytes of all of them, counted from the start of the block. */
  readonly first: number;
  readonly start: number;
  readonly end: number;
  readonly #block: Block | undefined;
  #table: Uint32Array | undefined;
  #released = false;

  constructor(
    memory: Uint8Array,
    { base, size, first, length, start, end }: Pick<Batch, 'base' | 'size' | 'first' | 'length' | 'start' | 'end'>,
    block?: Block,
  ) {
    this.memory = memory;
    this.base = base;
    this.size = size;
    this.first = first;
    this.length = length;
    this.start = start;
    this.end = end;
    this.#block = block;
  }

  /** Bytes of the encoded events. */
  get byteLength(): number {
    return this.end - this.start;
  }

  /** The body of one event, as a copy that may be kept. Throws `RangeError` when there is no such event. */
  body(index: number): Uint8Array {
    // A Buffer's own `slice` would share the memory.
    return new Uint8Array(this.bodyView(index));
  }

  /** The body of one event where it lies: valid only as long as the batch is. */
  bodyView(index: number): Buffer {
    const from = this.#entry(index, 1);
    const to = index + 1 < this.length ? this.#entry(index + 1, 0) : this.end;
    return Buffer.from(this.memory.buffer, this.memory.byteOffset + this.base + from, to - from);
  }

  /** The headers of one event. */
  headers(index: number): Headers {
    // An empty map is a single zero.
    if (this.memory[this.base + this.#entry(index, 0)] === 0) return {};
    const { memory, base, size, first, length, start, end } = this;
    const flat = addon.batchHeaders(memory, base, size, first, length, start, end, index);
    const pairs = Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, flat[2 * at + 1]!]);
    // Unlike assignment, this also makes a header named __proto__ a property.
    return Object.fromEntries(pairs);
  }

  /** The names of the headers of all events, each once. */
  headerNames(): string[] {
    const { memory, base, size, first, length, start, end } = this;
    return addon.batchHeaderNames(memory, base, size, first, length, start, end);
  }

  /** The events from `from` up to `to`. */
  slice(from: number, to = this.length): Batch {
    if (from < 0 || to > this.length || from > to) {
      throw new RangeError(`A batch of ${this.length} has no events ${from} to ${to}.`);
    }
    const start = from < this.length ? this.#entry(from, 0) : this.end;
    const end = to < this.length ? this.#entry(to, 0) : this.end;
    const { memory, base, size, first } = this;
    return new Batch(memory, { base, size, first: first + from, length: to - from, start, end });
  }

  /** This batch and the next as one, when `next` stands directly behind it; no byte moves. */
  joinedWith(next: Batch): Batch | undefined {
    const neighbours =
      this.memory === next.memory &&
      this.base === next.base &&
      this.first + this.length === next.first &&
      this.end === next.start;
    if (!neighbours) return undefined;
    const { memory, base, size, first, start } = this;
    return new Batch(memory, { base, size, first, length: this.length + next.length, start, end: next.end });
  }

  /** The same events in memory of their own, for those who keep them. */
  copy(): Batch {
    const size = Math.max(4096, (this.byteLength + 8 * this.length + 7) & ~7);
    const memory = new Uint8Array(size);
    const { base, size: from, first, length, start, end } = this;
    addon.copyBatch(memory, 0, 0, this.memory, base, from, first, length, start, end);
    return new Batch(memory, { base: 0, size, first: 0, length, start: 0, end: this.byteLength });
  }

  /** The sum, modulo 2³², of the CRC-32C of every body: the same in whatever batches and order the events come. */
  checksum(): number {
    const { memory, base, size, first, length, start, end } = this;
    return addon.batchChecksum(memory, base, size, first, length, start, end);
  }

  /** Flume's 100-byte slots of the bodies, in which channels account for memory. */
  slots(): number {
    const { memory, base, size, first, length, start, end } = this;
    return addon.batchSlots(memory, base, size, first, length, start, end);
  }

  /** Says that nobody reads this batch any more, so that its builder may use the memory again. Called by whoever consumed it. */
  release(): void {
    const block = this.#block;
    if (block === undefined || this.#released) return;
    this.#released = true;
    block.pins -= 1;
    if (block.pins === 0) {
      block.fill = 0;
      block.entries = 0;
      block.pool?.give(block);
    }
  }

  /** One field of an event's entry: 0 is where the event starts, 1 where its body does. */
  #entry(index: number, field: 0 | 1): number {
    if (!(index >= 0 && index < this.length)) {
      throw new RangeError(`A batch of ${this.length} has no event ${index}.`);
    }
    const { memory, base, size, first, length } = this;
    this.#table ??= new Uint32Array(memory.buffer, memory.byteOffset + base + size - 8 * (first + length), 2 * length);
    return this.#table[2 * (length - 1 - index) + field]!;
  }
}
