import type { Block } from './batch.ts';

/** Bytes of unused blocks that a pool keeps. */
const KEPT_BYTES_MAX = 8 << 20;
/** A block is not used for something that needs less than this part of it: it would be held for little. */
const WASTE_MAX = 8;
/** The smallest block. */
const BYTES_MIN = 4096;

/** Blocks for one batch each, which come back when that is released. */
export class BlockPool {
  readonly #free: Block[] = [];
  #keptBytes = 0;

  /** An empty block of at least so many bytes. */
  take(bytes: number): Block {
    const fits = ({ memory }: Block) => memory.length >= bytes && memory.length <= bytes * WASTE_MAX;
    const index = this.#free.findLastIndex(fits);
    if (index < 0) return newBlock(Math.max(bytes, BYTES_MIN), this);
    const block = this.#free.splice(index, 1)[0]!;
    this.#keptBytes -= block.memory.length;
    return block;
  }

  /** Takes an empty block back. */
  give(block: Block): void {
    if (block.memory.length > KEPT_BYTES_MAX) return;
    this.#free.push(block);
    this.#keptBytes += block.memory.length;
    while (this.#keptBytes > KEPT_BYTES_MAX) this.#keptBytes -= this.#free.shift()!.memory.length;
  }
}

/** An empty block. */
export function newBlock(bytes: number, pool?: BlockPool): Block {
  return { memory: new Uint8Array((bytes + 7) & ~7), fill: 0, entries: 0, pins: 0, pool };
}
