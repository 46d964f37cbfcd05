import type { Duplex } from 'node:stream';
import type { Batch, Log, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';
import { freeAtOnce, type InFlight, type Reader } from '@millrace/rpc/net';
import { putNeighbours } from '../neighbours.ts';
import { Tail } from '../tail.ts';
import type { MessageReader } from './format.ts';

export interface ConnectionOptions {
  readonly reader: MessageReader;
  /** Headers that every event of this connection has, encoded. */
  readonly headers: Uint8Array;
  readonly inFlight: InFlight;
  readonly emitAll: SourceContext<SourceSpec>['emitAll'];
  readonly log: Log;
}

/** How much of a client is read before the first of it is in the channels. More shares transactions better, and leaves the cache. */
const READ_AHEAD_BYTES = 128 << 10;

/** One client: its messages are put in order, and it is not read on while they find no room. */
export class Connection implements Reader {
  readonly #peer: string;
  readonly #stream: Duplex;
  readonly #options: ConnectionOptions;
  /** The unfinished message. */
  readonly #tail: Tail;
  /** Bytes that are still to come of a counted message whose beginning is an event already. */
  #left = 0;
  /** Messages that wait for those before them, and the lengths of the pieces they came in. */
  #batches: Batch[] = [];
  #pieces: number[] = [];
  #waitingBytes = 0;
  #putting = false;
  /** Resolves when everything that was read is in the channels, or refused for good. */
  #idle: Promise<void> = Promise.resolve();
  #over = false;

  constructor(peer: string, stream: Duplex, options: ConnectionOptions) {
    this.#peer = peer;
    this.#stream = stream;
    this.#options = options;
    this.#tail = new Tail(options.inFlight);
    options.inFlight.join(this);
    stream.on('data', (piece: Buffer) => this.#receive(piece));
    stream.on('end', () => this.#stream.end());
    // Node closes a stream after an error by itself.
    stream.on('error', (error) => options.log.debug({ error, peer }, 'Connection lost.'));
    stream.once('close', () => this.#forget());
    this.resume();
  }

  pause(): void {
    this.#stream.pause();
  }

  /** Reads on, unless something stands against it. */
  resume(): void {
    if (!this.#blocked) this.#stream.resume();
  }

  evict(reason: string): void {
    this.#options.log.warn({ peer: this.#peer }, reason);
    this.#stream.destroy();
  }

  /** Reads no more; resolves when the connection is closed and nothing waits any more. */
  async close(): Promise<void> {
    this.#over = true;
    this.#stream.destroy();
    await this.#idle;
  }

  get #blocked(): boolean {
    return this.#over || this.#waitingBytes >= READ_AHEAD_BYTES || !this.#options.inFlight.mayRead(this);
  }

  #receive(piece: Buffer): void {
    if (this.#over) return;
    const bytes = piece.length;
    this.#options.inFlight.began(this, bytes);
    this.#waitingBytes += bytes;
    this.#pieces.push(bytes);
    this.#read(piece);
    freeAtOnce(piece);
    if (this.#blocked) this.#stream.pause();
    if (!this.#putting) this.#idle = this.#putAll();
  }

  /** Makes batches of the messages of a piece, and keeps its unfinished rest. */
  #read(piece: Buffer): void {
    const { reader, headers } = this.#options;
    let rest = piece;
    for (let more = true; more; ) {
      const messages = reader.read(this.#tail.bytes, rest, this.#left, headers);
      ({ more, left: this.#left } = messages);
      if (messages.consumed > 0) this.#tail.clear();
      rest = rest.subarray(messages.consumed);
      if (messages.batch.length > 0) this.#batches.push(messages.batch);
      else messages.batch.release();
    }
    if (rest.length > 0) this.#tail.append(rest);
  }

  /** Puts until nothing is left that was read. */
  async #putAll(): Promise<void> {
    this.#putting = true;
    while (this.#pieces.length > 0) {
      const [batches, pieces] = [this.#batches, this.#pieces];
      this.#batches = [];
      this.#pieces = [];
      while (batches.length > 0) await this.#put(batches);
      for (const bytes of pieces) {
        this.#waitingBytes -= bytes;
        this.#options.inFlight.ended(this, bytes, this.#tail.length > 0);
      }
    }
    this.#putting = false;
    this.resume();
  }

  async #put(batches: Batch[]): Promise<void> {
    const { emitAll, log } = this.#options;
    const { refused: messages, error } = await putNeighbours(batches, emitAll);
    if (messages > 0) log.error({ error, messages, peer: this.#peer }, 'Messages were dropped.');
  }

  /** An unfinished message at the end is dropped, as Flume does. */
  #forget(): void {
    this.#over = true;
    this.#tail.clear();
    this.#options.inFlight.leave(this);
  }
}
