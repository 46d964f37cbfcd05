import type { Duplex } from 'node:stream';
import { Batch, BatchBuilder } from '@millrace/channel-native';
import { ByteFeed } from './byte-feed.ts';
import { type EventLike, inPieces, type RpcClient } from './client.ts';
import type { Call, Codec, Reply } from './codec.ts';
import { RpcError, reasonOf } from './error.ts';

const SERIAL_MAX = 2 ** 31 - 1;
/** What is longer becomes several requests: a source that bounds them (Flume's, over TLS, at 16 MB of Thrift) would refuse it for ever. */
const REQUEST_BYTES_MAX = 8 << 20;

/** A request that is on its way. */
interface Pending extends PromiseWithResolvers<void> {
  readonly deadlineMs: number;
  /** The stream has read the last byte of the batch. */
  written: boolean;
  outcome: string | undefined;
  /** What it lies in, if not in the batch. */
  readonly memory: Buffer | undefined;
}

export interface ConnectionOptions {
  readonly codec: Codec;
  /** `host:port`. */
  readonly where: string;
  readonly batchSize: number;
  readonly requestTimeoutMs: number;
}

/**
 * A client over one connection. Requests are matched with their replies by serial. Whatever fails, fails all that is in flight, and for
 * good: nobody knows then what the peer has.
 */
export class Connection implements RpcClient {
  readonly batchSize: number;
  readonly #codec: Codec;
  readonly #where: string;
  readonly #requestTimeoutMs: number;
  readonly #stream: Duplex;
  readonly #closed: Promise<void>;
  readonly #sinceMs = performance.now();
  readonly #pending = new Map<number, Pending>();
  /** Memory of requests that are done with: new memory costs as much as copying into it. */
  readonly #spares: Buffer[] = [];
  #builder: BatchBuilder | undefined;
  #serial = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing = false;
  /** Something was answered. */
  #heard = false;
  /** What has ended the connection. */
  #failure: RpcError | undefined;

  constructor(stream: Duplex, { codec, where, batchSize, requestTimeoutMs }: ConnectionOptions) {
    this.#stream = stream;
    this.#codec = codec;
    this.#where = where;
    this.batchSize = batchSize;
    this.#requestTimeoutMs = requestTimeoutMs;

    const replies = new ByteFeed(codec.reply, (reply) => this.#answered(reply));
    stream.on('data', (piece: Buffer) => {
      try {
        replies.push(piece);
      } catch (error) {
        this.#fail(this.#garbled(reasonOf(error), error));
      }
    });
    stream.on('error', (error) => this.#fail(this.#lost(reasonOf(error), error)));
    stream.on('end', () => this.#fail(this.#lost('the peer has ended it')));
    this.#closed = new Promise((resolve) => {
      stream.once('close', () => {
        this.#fail(this.#lost('the peer has closed it'));
        for (const pending of this.#pending.values()) pending.reject(this.#failure);
        this.#pending.clear();
        resolve();
      });
    });
  }

  get usable(): boolean {
    return !this.#closing && this.#failure === undefined;
  }

  get ageMs(): number {
    return performance.now() - this.#sinceMs;
  }

  append(event: EventLike): Promise<void> {
    return this.#callBuilt('append', [event]);
  }

  appendBatch(events: Batch | readonly EventLike[]): Promise<void> {
    return inPieces(events, this.batchSize, (piece) =>
      piece instanceof Batch ? this.#callInHalves(piece) : this.#callBuilt('appendBatch', piece),
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled([...this.#pending.values()].map(({ promise }) => promise));
    // A peer that does not take the end of the stream has answered everything before.
    const giveUp = setTimeout(() => this.#stream.destroy(), this.#requestTimeoutMs);
    this.#stream.end(() => this.#stream.destroy());
    await this.#closed;
    clearTimeout(giveUp);
  }

  async destroy(): Promise<void> {
    this.#fail(this.#lost('it was given up here'));
    await this.#closed;
  }

  async #callBuilt(call: Call, events: readonly EventLike[]): Promise<void> {
    this.#builder ??= new BatchBuilder();
    for (const { body, headers } of events) this.#builder.append(body, headers);
    const batch = this.#builder.finish();
    try {
      await (call === 'append' ? this.#call(call, batch) : this.#callInHalves(batch));
    } finally {
      batch.release();
    }
  }

  /** Sends a batch that is too long in halves, one after the other. */
  async #callInHalves(batch: Batch): Promise<void> {
    if (batch.byteLength <= REQUEST_BYTES_MAX || batch.length === 1) return this.#call('appendBatch', batch);
    const half = batch.length >> 1;
    await this.#callInHalves(batch.slice(0, half));
    await this.#callInHalves(batch.slice(half));
  }

  #call(call: Call, batch: Batch): Promise<void> {
    if (!this.usable) return Promise.reject(this.#failure ?? this.#lost('it was closed here'));
    this.#serial = (this.#serial % SERIAL_MAX) + 1;
    const serial = this.#serial;
    const { pieces, memory } = this.#codec.request(serial, call, batch, this.#spares.pop());
    const pending: Pending = {
      ...Promise.withResolvers<void>(),
      deadlineMs: performance.now() + this.#requestTimeoutMs,
      written: false,
      outcome: undefined,
      memory,
    };
    this.#pending.set(serial, pending);
    this.#timer ??= this.#watch(this.#requestTimeoutMs);

    // One vectored write, of the batch where it lies.
    this.#stream.cork();
    for (const piece of pieces.slice(0, -1)) this.#stream.write(piece);
    this.#stream.write(pieces.at(-1), (error) => {
      pending.written = !error;
      this.#settle(serial, pending);
    });
    this.#stream.uncork();
    return pending.promise;
  }

  #answered({ serial, outcome }: Reply): void {
    const pending = this.#pending.get(serial);
    if (pending === undefined) throw new Error(`it answers ${serial}, which was not asked`);
    this.#heard = true;
    pending.outcome = outcome;
    this.#settle(serial, pending);
  }

  /** A peer may answer before it has read everything; the batch, and other memory, is free only when nobody reads it any more. */
  #settle(serial: number, { written, outcome, memory, resolve, reject }: Pending): void {
    if (!written || outcome === undefined) return;
    this.#pending.delete(serial);
    if (memory !== undefined) this.#spares.push(memory);
    if (outcome === 'OK') resolve();
    else {
      reject(this.#refused(outcome));
      this.#fail(this.#lost('the peer has refused an earlier request'));
    }
  }

  /** Looks after a while whether the oldest request has waited too long; replies may come in any order, but none is asked for later. */
  #watch(afterMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      const [oldest] = this.#pending.values();
      if (oldest === undefined) return;
      const leftMs = oldest.deadlineMs - performance.now();
      if (leftMs <= 0) this.#fail(this.#late());
      else this.#timer = this.#watch(leftMs);
    }, afterMs).unref();
  }

  /** Ends the connection. What is in flight is told when it is closed, because until then its memory may be read. */
  #fail(error: RpcError): void {
    this.#failure ??= error;
    clearTimeout(this.#timer);
    this.#stream.destroy();
  }

  #lost(reason: string, cause?: unknown): RpcError {
    const doubt = `; if it never answers, look whether it is ${this.#codec.peer} with the same settings for TLS and compression`;
    const message = `The connection to ${this.#where} is lost (${reason}): send again, over a new one, what was not acknowledged${this.#heard ? '' : doubt}.`;
    return new RpcError('MR_PEER_LOST', message, { cause });
  }

  #late(): RpcError {
    const message = `${this.#where} has not answered within ${this.#requestTimeoutMs} ms: look whether the agent there hangs or its channels are slow, or raise the request timeout.`;
    return new RpcError('MR_PEER_TIMEOUT', message);
  }

  #refused(outcome: string): RpcError {
    const message = `${this.#where} has not taken the events (${outcome}): look into its log for the reason, and send them again.`;
    return new RpcError('MR_PEER_REFUSED', message);
  }

  #garbled(reason: string, cause: unknown): RpcError {
    const message = `What ${this.#where} answered cannot be understood (${reason}): look whether it is ${this.#codec.peer}, and whether both ends have the same settings for TLS and compression.`;
    return new RpcError('MR_PEER_INVALID', message, { cause });
  }
}
