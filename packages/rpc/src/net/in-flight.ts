/** Something that reads and can be told not to. */
export interface Reader {
  pause(): void;
  resume(): void;
  /** Ends the connection: it holds room that others need, and does nothing with it. The reason is a sentence for the log. */
  evict(reason: string): void;
}

export interface InFlightOptions {
  /** How long an unfinished request may make no progress while others need the room. */
  readonly stallMs?: number;
}

/**
 * Bounds what all connections together have read and not yet answered, unfinished lines among it. At the limit every reader is paused,
 * also those that have nothing in flight: a thousand idle connections could otherwise each bring a piece in the same moment.
 *
 * When only unfinished lines are left, no answer will ever make room. Then one reader may go on until its line is finished: the first
 * one that has something to read.
 */
export class InFlight {
  readonly #bytesMax: number;
  readonly #readers = new Set<Reader>();
  #bytes = 0;
  /** Pieces that were read and are being answered. */
  #pieces = 0;
  #full = false;
  #finishing: Reader | undefined;

  constructor(bytesMax: number, _options: InFlightOptions = {}) {
    this.#bytesMax = bytesMax;
  }

  /** Whether this reader may read now. */
  mayRead(reader: Reader): boolean {
    if (!this.#full) return true;
    return this.#pieces === 0 && (this.#finishing ?? reader) === reader;
  }

  join(reader: Reader): void {
    this.#readers.add(reader);
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
    this.#finished(reader);
  }

  /** Notes a piece that was read. What was read is always taken: one can go on even at the limit. */
  began(reader: Reader, bytes: number): void {
    this.#pieces += 1;
    if (this.#full) this.#finishing ??= reader;
    this.add(bytes);
    if (this.#full) for (const other of this.#readers) other.pause();
  }

  /** Notes that the lines of a piece are answered; the reader may have an unfinished one left. */
  ended(reader: Reader, bytes: number, unfinished: boolean): void {
    this.#pieces -= 1;
    this.remove(bytes);
    if (unfinished) this.#resume();
    else this.#finished(reader);
  }

  /** Notes bytes that are kept. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= this.#bytesMax) this.#full = true;
  }

  /** Notes bytes that were answered or dropped. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    // Half, so that readers are not stopped and started for every piece.
    if (!this.#full || this.#bytes > this.#bytesMax / 2) return;
    this.#full = false;
    this.#finishing = undefined;
    for (const reader of this.#readers) reader.resume();
  }

  #finished(reader: Reader): void {
    if (this.#finishing === reader) this.#finishing = undefined;
    this.#resume();
  }

  #resume(): void {
    if (this.#full && this.#pieces === 0) for (const reader of this.#readers) reader.resume();
  }
}
