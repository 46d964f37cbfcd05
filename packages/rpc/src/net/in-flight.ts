/** Something that reads and can be told not to. */
export interface Reader {
  pause(): void;
  resume(): void;
  /** Ends the connection: it holds room that others need, and does nothing with it. The reason is a sentence for the log. */
  evict(reason: string): void;
}

/** When somebody has to go. */
export interface InFlightOptions {
  /** How long an unfinished request may take to bring `progressBytes` or its end, its connection being read, while others need the room. Default 10 s. */
  readonly stallMs?: number;
  /** Default 1 MiB. */
  readonly progressBytes?: number;
}

/** An unfinished request. */
interface Unfinished {
  /** How long its connection could have gone on with it, since the limit was reached or it last made progress. */
  stalledMs: number;
  /** What it has brought since. */
  bytes: number;
}

/** How often it is looked who makes no progress, in the time that they have for it. */
const LOOKS = 10;
/** For how many times that time, after somebody was ended, others are not waited for as long. */
const HURRY = 3;

/**
 * Bounds what all connections together have read and not yet answered, unfinished requests among it. At the limit every reader is paused,
 * also those that have nothing in flight: a thousand idle connections could otherwise each bring a piece in the same moment.
 *
 * When only unfinished requests are left, no answer will ever make room. Then one reader may go on until its request is finished: the first
 * one that has something to read. Who may go on and does not, or only drop by drop, is ended after a while, for it holds what others need. The
 * next ones then have a tenth of the time: somebody may hold room by many connections.
 */
export class InFlight {
  readonly #bytesMax: number;
  readonly #readers = new Set<Reader>();
  #bytes = 0;
  /** Of these, those of unfinished requests: no answer gives them back. */
  #keptBytes = 0;
  /** Pieces that were read and are being answered. */
  #pieces = 0;
  #full = false;
  #finishing: Reader | undefined;
  readonly #unfinished = new Map<Reader, Unfinished>();
  readonly #stallMs: number;
  readonly #progressBytes: number;
  #looking: NodeJS.Timeout | undefined;
  /** Until when nobody is waited for as long as usual. */
  #hurriedUntilMs = 0;

  constructor(bytesMax: number, { stallMs = 10_000, progressBytes = 1 << 20 }: InFlightOptions = {}) {
    this.#bytesMax = bytesMax;
    this.#stallMs = stallMs;
    this.#progressBytes = progressBytes;
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
    this.#progressed(reader, bytes);
    if (this.#full) this.#finishing ??= reader;
    this.#take(bytes);
    if (this.#full) for (const other of this.#readers) other.pause();
  }

  /** Notes that the requests of a piece are answered; the reader may have an unfinished one left. */
  ended(reader: Reader, bytes: number, unfinished: boolean): void {
    this.#pieces -= 1;
    this.#give(bytes);
    if (unfinished) {
      if (!this.#unfinished.has(reader)) this.#unfinished.set(reader, { stalledMs: 0, bytes: 0 });
      this.#resume();
    } else {
      this.#unfinished.delete(reader);
      this.#finished(reader);
    }
  }

  /** Notes bytes that are kept. */
  add(bytes: number): void {
    this.#keptBytes += bytes;
    this.#take(bytes);
  }

  /** Notes bytes that are no longer kept. */
  remove(bytes: number): void {
    this.#keptBytes -= bytes;
    this.#give(bytes);
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#bytesMax || this.#full) return;
    this.#full = true;
    for (const request of this.#unfinished.values()) request.stalledMs = 0;
    this.#looking = setInterval(() => this.#endStalled(), this.#stallMs / LOOKS).unref();
  }

  #give(bytes: number): void {
    this.#bytes -= bytes;
    // Half of what answers can give back, so that readers are not stopped and started for every piece.
    if (!this.#full || this.#bytes > (this.#bytesMax + this.#keptBytes) / 2) return;
    this.#full = false;
    this.#finishing = undefined;
    clearInterval(this.#looking);
    for (const reader of this.#readers) reader.resume();
  }

  #progressed(reader: Reader, bytes: number): void {
    const request = this.#unfinished.get(reader);
    if (request === undefined) return;
    request.bytes += bytes;
    if (request.bytes < this.#progressBytes) return;
    request.bytes = 0;
    request.stalledMs = 0;
  }

  #endStalled(): void {
    for (const [reader, request] of this.#unfinished) {
      // Who is not read cannot go on.
      if (!this.mayRead(reader)) continue;
      request.stalledMs += this.#stallMs / LOOKS;
      const hurried = performance.now() < this.#hurriedUntilMs;
      const patienceMs = hurried ? this.#stallMs / LOOKS : this.#stallMs;
      if (request.stalledMs < patienceMs) continue;
      this.#hurriedUntilMs = performance.now() + HURRY * this.#stallMs;
      this.#unfinished.delete(reader);
      reader.evict(
        `The connection is ended: for ${patienceMs / 1_000} s it has hardly gone on with what it had begun to send, and that took room that others need.`,
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
