import type { Row } from './queue.ts';

/** Blocks of rows that are put and soon taken, so that they need not be read: as many as fit, the oldest first. */
export class BlockCache {
  readonly #bytesMax: number;
  readonly #blocks = new Map<Row, Uint8Array>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(row: Row): Uint8Array | undefined {
    return this.#blocks.get(row);
  }

  /** Keeps a block if there is room for it. */
  keep(row: Row, block: Uint8Array): void {
    if (this.#blocks.has(row) || this.#bytes + block.length > this.#bytesMax) return;
    this.#blocks.set(row, block);
    this.#bytes += block.length;
  }

  forget(row: Row): void {
    const block = this.#blocks.get(row);
    if (block === undefined) return;
    this.#blocks.delete(row);
    this.#bytes -= block.length;
  }
}
