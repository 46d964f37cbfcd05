import {
  type Batch,
  type BatchBuilder,
  type DirectPut,
  RequestReader,
  type WireProtocol,
  type WireRequest,
} from '@millrace/channel-native';
import { describeFirstBytes, freeAtOnce, type InFlight, ownPiece, type Reader, type Transport } from '../net/index.ts';
import type { Answers } from './answers.ts';
import { AvroAnswers } from './avro-answers.ts';
import { binaryAnswers, compactAnswers } from './thrift-answers.ts';

/** Resolving answers OK. Rejecting answers FAILED, or with an error when more than a channel has failed. */
export type Handler = (batch: Batch, call: 'append' | 'appendBatch') => Promise<void>;

/** What a server says, to the log of an agent or any other. */
export type ServerLog = Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>;

/** What all connections of a server share. */
export interface ConnectionOptions {
  readonly protocol: WireProtocol;
  readonly builder: BatchBuilder;
  readonly requestBytesMax: number;
  readonly inFlight: InFlight;
  readonly handler: Handler;
  /** What may handle requests that come whole instead. */
  readonly direct: DirectPut | undefined;
  readonly log: ServerLog;
}

/** How long a client may take to read its last answers. */
const FAREWELL_MS = 1_000;
/** What whole requests of one client may take up unanswered, and how many they may be, before no more of it is read. */
const OPEN_BYTES_MAX = 4 << 20;
const OPEN_MAX = 256;
/** What a request takes besides its events. */
const REQUEST_BYTES = 1_024;
/** What an event takes in the table of its batch. */
const ENTRY_BYTES = 8;
/** How much of what a client sent first is kept, to say what it looks like. */
const FIRST_BYTES = 16;

/** What a connection is lost with when the client has gone. */
const DEPARTURES = new Set<string | undefined>(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE']);
const NAMES: Record<WireProtocol, string> = {
  avro: 'Avro',
  'thrift-compact': 'Thrift in its compact protocol',
  'thrift-binary': 'Thrift in its binary protocol',
};

/** A request that is not answered, in the list of those of its connection. */
interface Exchange {
  readonly request: WireRequest;
  /** What it takes up. */
  readonly bytes: number;
  answer: Buffer | undefined;
  next: Exchange | undefined;
}

/** A piece that was not handled to its end. */
interface Rest {
  readonly piece: Buffer;
  readonly from: number;
}

/** One client: its requests are handled as they come, several at a time, and answered in their order. */
export class Connection implements Reader {
  readonly #stream: Transport;
  readonly #peer: string | undefined;
  readonly #options: ConnectionOptions;
  readonly #reader: RequestReader;
  readonly #answers: Answers;
  #oldest: Exchange | undefined;
  #newest: Exchange | undefined;
  #open = 0;
  #openBytes = 0;
  /** What waits of a piece until requests before it are answered. */
  #rest: Rest | undefined;
  /** What a request takes up that is not whole. */
  #unfinishedBytes = 0;
  /** Answers that leave together, at the end of this turn of the event loop. */
  #ready: Buffer[] = [];
  /** What the client sent first. */
  #first = Buffer.alloc(0);
  /** Nothing is read any more. */
  #over = false;
  #answered: PromiseWithResolvers<void> | undefined;

  constructor(peer: string | undefined, stream: Transport, options: ConnectionOptions) {
    const { protocol, builder, requestBytesMax, inFlight } = options;
    this.#stream = stream;
    stream.pause();
    this.#peer = peer;
    this.#options = options;
    this.#reader = new RequestReader(protocol, builder, { requestBytesMax });
    this.#answers = answersIn(protocol, this.#reader);
    inFlight.join(this);
    stream.on('data', (piece: Buffer) => this.#receive(piece));
    stream.on('end', () => this.#end());
    stream.on('drain', () => this.resume());
    // Node closes a stream after an error by itself.
    stream.on('error', (error: NodeJS.ErrnoException) => this.#tell(error));
    stream.once('close', () => this.#forget());
    this.resume();
  }

  get transport(): Transport {
    return this.#stream;
  }

  pause(): void {
    if (!this.#over) this.#stream.pause();
  }

  /** Reads on, unless something stands against it. */
  resume(): void {
    if (this.#over) return;
    if (this.#blocked) this.#stream.pause();
    else if (this.#stream.isPaused()) this.#stream.resume();
  }

  evict(reason: string): void {
    this.#options.log.warn({ peer: this.#peer }, reason);
    this.#stream.destroy();
  }

  /** Handles nothing more, and ends when everything that was read is answered; but does not wait for ever that the client does so, too. */
  async close(): Promise<void> {
    this.#over = true;
    this.#stream.pause();
    await this.#allAnswered();
    if (this.#stream.closed) return;
    this.#stream.end();
    // What comes now is dropped: left unread, it would reset the connection, and take the answers away from the client.
    this.#stream.resume();
    const timer = setTimeout(() => this.#stream.destroy(), FAREWELL_MS);
    await new Promise<void>((resolve) => this.#stream.once('close', resolve));
    clearTimeout(timer);
  }

  get #blocked(): boolean {
    const enough = this.#openBytes >= OPEN_BYTES_MAX || this.#rest !== undefined;
    return enough || this.#stream.writableNeedDrain || !this.#options.inFlight.mayRead(this);
  }

  #receive(piece: Buffer): void {
    if (this.#over) return;
    const missing = FIRST_BYTES - this.#first.length;
    if (missing > 0) this.#first = Buffer.concat([this.#first, piece.subarray(0, missing)]);
    this.#options.inFlight.began(this, piece.length);
    this.#read({ piece, from: 0 });
  }

  /** Handles the requests of a piece, but not more at once than may be unanswered; the rest waits. */
  #read({ piece, from }: Rest): void {
    let at = from;
    try {
      while (at < piece.length && this.#open < OPEN_MAX) {
        const request = this.#reader.next(piece, at);
        at = this.#reader.consumed;
        if (request !== undefined) this.#handle(request);
      }
      this.#noteUnfinished();
    } catch (error) {
      // Where the next request begins cannot be known any more.
      at = piece.length;
      this.#tell(error as Error);
      this.close();
    }
    if (at < piece.length) this.#rest = { piece: ownPiece(piece), from: at };
    else this.#done(piece);
    this.resume();
  }

  #readOn(): void {
    const rest = this.#rest;
    if (rest === undefined || this.#open > OPEN_MAX / 2) return;
    this.#rest = undefined;
    if (this.#over) this.#done(rest.piece);
    else this.#read(rest);
  }

  #done(piece: Buffer): void {
    const { length } = piece;
    freeAtOnce(piece);
    this.#options.inFlight.ended(this, length, this.#unfinishedBytes > 0);
  }

  /** What counts of a request is the memory it takes, which can be far more than its bytes: small events need a table. */
  #noteUnfinished(): void {
    const { inFlight, requestBytesMax } = this.#options;
    const bytes = Math.max(this.#reader.unfinishedBytes, this.#reader.heldBytes);
    const more = bytes - this.#unfinishedBytes;
    this.#unfinishedBytes = bytes;
    if (more > 0) inFlight.add(more);
    else inFlight.remove(-more);
    if (bytes > requestBytesMax) {
      throw new Error(`A request takes more memory than the ${requestBytesMax} bytes it may: send smaller batches.`);
    }
  }

  #handle(request: WireRequest): void {
    const exchange = this.#opened(request);
    const answer = this.#answers.atOnce(request);
    if (answer !== undefined) {
      this.#settle(exchange, answer);
      return;
    }
    // A handler that throws before it waits has failed with this request, not with what is read.
    Promise.try(this.#options.handler, request.batch, request.call as 'append' | 'appendBatch').then(
      () => this.#settle(exchange, this.#answers.ok(request)),
      (error: unknown) => this.#settle(exchange, this.#refusal(request, error)),
    );
  }

  /** Notes a request that is whole, in place of the one that was not. */
  #opened(request: WireRequest): Exchange {
    const { inFlight } = this.#options;
    const { batch } = request;
    const bytes = Math.max(request.bytes, batch.byteLength + ENTRY_BYTES * batch.length) + REQUEST_BYTES;
    const exchange: Exchange = { request, bytes, answer: undefined, next: undefined };
    if (this.#newest === undefined) this.#oldest = exchange;
    else this.#newest.next = exchange;
    this.#newest = exchange;
    this.#open += 1;
    this.#openBytes += bytes;
    inFlight.remove(this.#unfinishedBytes);
    this.#unfinishedBytes = 0;
    inFlight.began(this, bytes);
    return exchange;
  }

  /** As in Flume: what a channel refuses has FAILED, and so has every batch of Avro; anything else is an error. */
  #refusal(request: WireRequest, error: unknown): Buffer {
    const { protocol, log } = this.#options;
    const about = { error, peer: this.#peer, events: request.batch.length };
    if (isOfChannel(error)) {
      log.warn(about, 'A channel refused events, and their client was told FAILED.');
      return this.#answers.failed(request);
    }
    log.error(about, 'A request failed.');
    if (protocol === 'avro' && request.call === 'appendBatch') return this.#answers.failed(request);
    return this.#answers.error(request, error instanceof Error ? error.message : String(error));
  }

  #settle(exchange: Exchange, answer: Buffer): void {
    exchange.answer = answer;
    exchange.request.batch.release();
    while (this.#oldest?.answer !== undefined) this.#send(this.#oldest);
  }

  /** Takes the oldest request off the list: its answer leaves with the others of this turn. */
  #send(exchange: Exchange): void {
    const { answer, bytes, next } = exchange;
    // A dead exchange that the collector has taken for a lasting one would make it take all behind it for such.
    exchange.next = undefined;
    if (this.#ready.length === 0) process.nextTick(flush, this);
    this.#ready.push(answer!);
    this.#oldest = next;
    if (next === undefined) this.#newest = undefined;
    this.#open -= 1;
    this.#openBytes -= bytes;
    this.#options.inFlight.ended(this, bytes, this.#unfinishedBytes > 0);
  }

  /** Writes the answers of this turn. Who does not read them is not read either. */
  flush(): void {
    const answers = this.#ready;
    this.#ready = [];
    const bytes = answers.length === 1 ? answers[0]! : Buffer.concat(answers);
    if (bytes.length > 0 && this.#stream.writable) this.#stream.write(bytes);
    this.#readOn();
    this.resume();
    if (this.#open > 0) return;
    this.#answered?.resolve();
    this.#handOver();
  }

  /** Leaves requests that come whole to native code, which is to tell what comes with the first that does not. */
  #handOver(): void {
    const { direct } = this.#options;
    if (direct === undefined || this.#over || this.#unfinishedBytes > 0) return;
    if (this.#answers.plain) this.#stream.putDirectly?.(direct);
  }

  #allAnswered(): Promise<void> {
    if (this.#open === 0 && this.#ready.length === 0) return Promise.resolve();
    this.#answered ??= Promise.withResolvers();
    return this.#answered.promise;
  }

  /** The client has sent all. */
  #end(): void {
    this.#allAnswered().then(() => this.#stream.end());
  }

  /** Says why the connection ends. */
  #tell(error: NodeJS.ErrnoException): void {
    const { log, protocol } = this.#options;
    const peer = this.#peer;
    if (DEPARTURES.has(error.code)) {
      log.debug({ error, peer }, 'Connection lost.');
      return;
    }
    const looksLike = describeFirstBytes(this.#first);
    log.warn({ error, peer, looksLike }, `Ended a connection whose bytes are no requests of ${NAMES[protocol]}.`);
  }

  #forget(): void {
    const { inFlight } = this.#options;
    this.#over = true;
    if (this.#rest !== undefined) this.#done(this.#rest.piece);
    this.#rest = undefined;
    this.#reader.close();
    inFlight.remove(this.#unfinishedBytes);
    this.#unfinishedBytes = 0;
    inFlight.leave(this);
  }
}

const flush = (connection: Connection) => connection.flush();

function answersIn(protocol: WireProtocol, reader: RequestReader): Answers {
  if (protocol === 'avro') return new AvroAnswers(() => reader.matched());
  return protocol === 'thrift-compact' ? compactAnswers : binaryAnswers;
}

/** Whether a channel has refused: for itself, or because its source is being stopped. */
function isOfChannel(error: unknown): boolean {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  return /^MR_(CHANNEL|DISK|FILE|DATABASE)/.test(String(code ?? (cause as NodeJS.ErrnoException | undefined)?.code));
}
