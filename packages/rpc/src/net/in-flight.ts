/** Something that reads and can be told not to. */
export interface Reader {
  pause(): void;
  resume(): void;
  /** Ends the connection: it holds room that others need, and does nothing with it. The reason is a sentence for the log. */
  evict(reason: string): void;
}

/** When somebody has to go. */
export interface InFlightOptions {
  /** How long an unfinished request may make no progress, though its connection is read, while others need the room. */
  readonly stallMs?: number;
}

/** How often it is looked who makes no progress, in the time that they have for it. */
const LOOKS = 10;

/**
 * Bounds what all connections together have read and not yet answered, unfinished requests among it. At the limit every reader is paused,
 * also those that have nothing in flight: a thousand idle connections could otherwise each bring a piece in the same moment.
 *
 * When only unfinished requests are left, no answer will ever make room. Then one reader may go on until its request is finished: the first
 * one that has something to read. Who may go on and does not is ended after a while, for it holds what others need.
 */
export class InFlight {
  readonly #bytesMax: number;
  readonly #readers = new Set<Reader>();
  #bytes = 0;
  /** Pieces that were read and are being answered. */
  #pieces = 0;
  #full = false;
  #finishing: Reader | undefined;
  /** Who has an unfinished request, and for how long each could have gone on with it since the limit was reached or it last did. */
  readonly #unfinished = new Map<Reader, number>();
  readonly #stallMs: number;
  #looking: NodeJS.Timeout | undefined;

  constructor(bytesMax: number, { stallMs = 30_000 }: InFlightOptions = {}) {
    this.#bytesMax = bytesMax;
    this.#stallMs = stallMs;
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
    this.#unfinished.delete(reader);
    this.#finished(reader);
  }

  /** Notes a piece that was read. What was read is always taken: one can go on even at the limit. */
  began(reader: Reader, bytes: number): void {
    this.#pieces += 1;
    if (this.#unfinished.has(reader)) this.#unfinished.set(reader, 0);
    if (this.#full) this.#finishing ??= reader;
    this.add(bytes);
    if (this.#full) for (const other of this.#readers) other.pause();
  }

  /** Notes that the requests of a piece are answered; the reader may have an unfinished one left. */
  ended(reader: Reader, bytes: number, unfinished: boolean): void {
    this.#pieces -= 1;
    this.remove(bytes);
    if (unfinished) {
      this.#unfinished.set(reader, 0);
      this.#resume();
    } else {
      this.#unfinished.delete(reader);
      this.#finished(reader);
    }
  }

  /** Notes bytes that are kept. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#bytesMax || this.#full) return;
    this.#full = true;
    for (const reader of this.#unfinished.keys()) this.#unfinished.set(reader, 0);
    this.#looking = setInterval(() => this.#endStalled(), this.#stallMs / LOOKS).unref();
  }

  /** Notes bytes that were answered or dropped. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    // Half, so that readers are not stopped and started for every piece.
    if (!this.#full || this.#bytes > this.#bytesMax / 2) return;
    this.#full = false;
    this.#finishing = undefined;
    clearInterval(this.#looking);
    for (const reader of this.#readers) reader.resume();
  }

  #endStalled(): void {
    for (const [reader, stalledMs] of this.#unfinished) {
      // Who is not read cannot go on.
      if (!this.mayRead(reader)) continue;
      this.#unfinished.set(reader, stalledMs + this.#stallMs / LOOKS);
      if (stalledMs + this.#stallMs / LOOKS < this.#stallMs) continue;
      this.#unfinished.delete(reader);
      reader.evict(
        `The connection is ended: for ${this.#stallMs / 1_000} s it has not gone on with what it had begun to send, and that took room that others need.`,
      );
    }
  }

  #finished(reader: Reader): void {
    if (this.#finishing === reader) this.#finishing = undefined;
    this.#resume();
  }

  #resume(): void {
    if (this.#full && this.#pieces === 0) for (const reader of this.#readers) reader.resume();
  }
}
