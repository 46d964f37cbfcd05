/** Something that reads and can be told not to. */
export interface Reader {
  pause(): void;
  resume(): void;
}

/**
 * Bounds what all connections together have read and not yet answered. At the limit every reader is paused, also those that have nothing in
 * flight: a thousand idle connections could otherwise each bring a piece in the same moment.
 */
export class InFlight {
  readonly #bytesMax: number;
  readonly #readers = new Set<Reader>();
  #bytes = 0;
  #full = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether nobody may read now. */
  get full(): boolean {
    return this.#full;
  }

  join(reader: Reader): void {
    this.#readers.add(reader);
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** Notes bytes that were read. What was read is always taken: one piece can go on even at the limit. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#full || this.#bytes < this.#bytesMax) return;
    this.#full = true;
    for (const reader of this.#readers) reader.pause();
  }

  /** Notes bytes that were answered or dropped. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    // Half, so that readers are not stopped and started for every piece.
    if (!this.#full || this.#bytes > this.#bytesMax / 2) return;
    this.#full = false;
    for (const reader of this.#readers) reader.resume();
  }
}
