import type { Batch } from '@millrace/kernel/component';
import { freeAtOnce, type InFlight, type Reader } from '@millrace/rpc/net';
import { Tail } from './tail.ts';

/** How much of a client is read before the first of it is in the channels. More shares transactions better, and leaves the cache. */
const READ_AHEAD_BYTES = 128 << 10;

/** Messages that were found in what was read. */
interface Messages {
  readonly batch: Batch;
  /** Bytes of the piece that need not be looked at again. */
  readonly consumed: number;
  /** Whether the rest is to be read at once: the batch was full. */
  readonly more: boolean;
}

export interface IntakeOptions {
  readonly inFlight: InFlight;
  /** Finds the whole messages in what was left and a piece. */
  readonly split: (tail: Buffer, piece: Buffer) => Messages;
  /** Puts the first of some batches, and any number of those behind it, and takes them off the list. */
  readonly put: (batches: Batch[]) => Promise<void>;
}

/** What was read of a connection and is not put yet. Messages are put in order; what comes meanwhile is split at once and put together with what follows. */
export class Intake {
  readonly #reader: Reader;
  readonly #options: IntakeOptions;
  /** The unfinished message. */
  readonly #tail: Tail;
  /** Messages that wait for those before them, and the lengths of the pieces they came in. */
  #batches: Batch[] = [];
  #pieces: number[] = [];
  #waitingBytes = 0;
  #putting = false;
  #idle: Promise<void> = Promise.resolve();

  /** The reader is resumed whenever nothing waits any more. */
  constructor(reader: Reader, options: IntakeOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#tail = new Tail(options.inFlight);
    options.inFlight.join(reader);
  }

  /** Whether no more is to be read for now. */
  get blocked(): boolean {
    return this.#waitingBytes >= READ_AHEAD_BYTES || !this.#options.inFlight.mayRead(this.#reader);
  }

  /** Resolves when everything that was read is put, or refused for good. */
  get idle(): Promise<void> {
    return this.#idle;
  }

  /** Takes a piece that was read, and its text where that is not the same. Neither may be used any more. */
  take(piece: Buffer, text = piece): void {
    const bytes = piece.length;
    this.#options.inFlight.began(this.#reader, bytes);
    this.#waitingBytes += bytes;
    this.#pieces.push(bytes);
    this.#split(text);
    freeAtOnce(piece);
    if (!this.#putting) this.#idle = this.#putAll();
  }

  /** The connection is closed: its unfinished message is dropped. */
  leave(): void {
    this.#tail.clear();
    this.#options.inFlight.leave(this.#reader);
  }

  /** Makes batches of the messages of a piece, and keeps its unfinished rest. */
  #split(piece: Buffer): void {
    let rest = piece;
    for (let more = true; more; ) {
      const messages = this.#options.split(this.#tail.bytes, rest);
      more = messages.more;
      if (messages.consumed > 0) this.#tail.clear();
      rest = rest.subarray(messages.consumed);
      if (messages.batch.length > 0) this.#batches.push(messages.batch);
      else messages.batch.release();
    }
    if (rest.length > 0) this.#tail.append(rest);
  }

  async #putAll(): Promise<void> {
    this.#putting = true;
    while (this.#pieces.length > 0) {
      const [batches, pieces] = [this.#batches, this.#pieces];
      this.#batches = [];
      this.#pieces = [];
      while (batches.length > 0) await this.#options.put(batches);
      for (const bytes of pieces) {
        this.#waitingBytes -= bytes;
        this.#options.inFlight.ended(this.#reader, bytes, this.#tail.length > 0);
      }
    }
    this.#putting = false;
    this.#reader.resume();
  }
}
