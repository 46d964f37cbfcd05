import { Batch, ChannelError } from '@millrace/channel-native';

/** Bytes of an event's entry in the table of its block: where the event starts and where its body does. */
const ENTRY_BYTES = 8;

/** Events in a block of their own: what a row of the database holds and what travels between threads. */
export interface Packed {
  readonly block: Uint8Array<ArrayBuffer>;
  readonly events: number;
  /** Bytes of the events, which stand at the front; their table stands at the back. */
  readonly bytes: number;
}

/** Gathers events in one block that has room for just them. */
export class Packer {
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #table: Uint32Array;
  #bytes = 0;
  #events = 0;

  constructor(need: { readonly events: number; readonly bytes: number }) {
    const front = Math.ceil(need.bytes / ENTRY_BYTES) * ENTRY_BYTES;
    this.#memory = new Uint8Array(front + ENTRY_BYTES * need.events);
    this.#table = new Uint32Array(this.#memory.buffer, front);
  }

  /** Copies events behind those that are there. Throws `MR_CHANNEL_FULL` when they are more than was said. */
  add({ memory, base, size, first, length, start, end }: Batch): void {
    const table = this.#table;
    const front = table.byteOffset;
    if (2 * (this.#events + length) > table.length || this.#bytes + end - start > front) {
      throw new ChannelError('MR_CHANNEL_FULL', 'The batch is larger than the room that was reserved for it.');
    }
    this.#memory.set(memory.subarray(base + start, base + end), this.#bytes);
    const from = new Uint32Array(
      memory.buffer,
      memory.byteOffset + base + size - ENTRY_BYTES * (first + length),
      2 * length,
    );
    // Tables grow downwards, so that these entries stand in front of those of earlier batches, in the same order.
    const at = table.length - 2 * (this.#events + length);
    const moved = this.#bytes - start;
    for (let field = 0; field < 2 * length; field += 1) table[at + field] = from[field]! + moved;
    this.#bytes += end - start;
    this.#events += length;
  }

  /** What was gathered. The packer may not be used any more. */
  finish(): Packed {
    return { block: this.#memory, events: this.#events, bytes: this.#bytes };
  }
}

/** The events of a block as a batch. */
export function batchOf(block: Uint8Array, { events, bytes }: Omit<Packed, 'block'>): Batch {
  return new Batch(block, { base: 0, size: block.length, first: 0, length: events, start: 0, end: bytes });
}
