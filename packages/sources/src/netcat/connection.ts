import type { Socket } from 'node:net';
import type { Batch, SourceContext } from '@millrace/kernel/component';
import type { InFlight, Reader } from '@millrace/rpc/net';
import type { Charset, Conversation } from '../shared/charset.ts';
import { Intake } from '../shared/intake.ts';
import { takeNeighbours } from '../shared/neighbours.ts';
import type { netcat } from './spec.ts';

export interface ConnectionOptions {
  readonly context: SourceContext<typeof netcat>;
  readonly charset: Charset;
  readonly inFlight: InFlight;
}

/** How long a client that is told to go may take: to read its answers, and to stop sending; what it sends is dropped. A reset at once would take the answers away from it. */
const FAREWELL_MS = 1_000;

/** Lines that are put before it is seen whether the client takes its answers. */
const LINES_MAX = 4_096;

/** One client: its lines are put and answered in order. What comes meanwhile is split at once and put together with what follows. */
export class Connection implements Reader {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #conversation: Conversation;
  readonly #intake: Intake;
  #overlong = false;
  /** Ends the wait for answers to be taken. */
  #goOn: (() => void) | undefined;
  #over = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#conversation = options.charset.conversation();
    this.#intake = new Intake(this, {
      inFlight: options.inFlight,
      split: (tail, piece) => this.#split(tail, piece),
      put: (batches) => this.#put(batches),
    });
    socket.on('data', (data) => this.#receive(data as Buffer));
    socket.on('end', () => this.#end());
    socket.on('drain', () => {
      this.#goOn?.();
      this.resume();
    });
    // Node closes a socket after an error by itself; who reset it does not wait for an answer.
    socket.on('error', (error) => options.context.log.debug({ error, peer: socket.remoteAddress }, 'Connection lost.'));
    socket.once('close', () => this.#forget());
    this.resume();
  }

  pause(): void {
    this.#socket.pause();
  }

  /** Reads on, unless something stands against it. */
  resume(): void {
    if (!this.#blocked) this.#socket.resume();
  }

  get #blocked(): boolean {
    return this.#over || this.#socket.writableNeedDrain || this.#intake.blocked;
  }

  evict(reason: string): void {
    this.#options.context.log.warn({ peer: this.#socket.remoteAddress }, reason);
    this.#socket.destroy();
  }

  /** Reads no more, and ends when everything that was read is answered; but does not wait for ever that the answers are read. */
  async close(): Promise<void> {
    this.#over = true;
    this.#socket.pause();
    this.#goOn?.();
    await this.#intake.idle;
    this.#socket.destroySoon();
    this.#destroyLater();
  }

  #receive(data: Buffer): void {
    if (this.#over) return;
    this.#intake.take(data, this.#conversation.decode(data));
    if (this.#blocked) this.#socket.pause();
    if (this.#overlong) this.#intake.idle.then(() => this.#dismiss());
  }

  #split(tail: Buffer, piece: Buffer) {
    const { config, builder } = this.#options.context;
    const lines = builder.splitLines(tail, piece, config.lineCharsMax);
    if (!lines.overlong) return lines;
    this.#overlong = true;
    this.#over = true;
    return { batch: lines.batch, consumed: piece.length, more: false };
  }

  /** Puts the first of the batches, with those that stand directly behind it in memory. */
  async #put(batches: Batch[]): Promise<void> {
    const { config, emitEach } = this.#options.context;
    const { whole, parts } = takeNeighbours(batches);
    for (let at = 0; at < whole.length; at += LINES_MAX) {
      await this.#answersTaken();
      const lines = whole.length <= LINES_MAX ? whole : whole.slice(at, Math.min(at + LINES_MAX, whole.length));
      await emitEach(lines, (accepted, failure) => {
        let answer = config.acknowledge ? 'OK\n'.repeat(accepted) : '';
        // A failure is told even to those who do not want to hear of success: they have to send again.
        if (failure !== undefined) answer += `FAILED: ${failure.message}\n`;
        if (answer !== '') this.#answer(answer);
      });
    }
    for (const part of parts) part.release();
  }

  /** Waits for a client that does not read its answers, each of which may be longer than its line was; but not when the source closes. */
  async #answersTaken(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#over) return;
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      if (this.#socket.destroyed) resolve();
    });
  }

  #answer(answer: string): void {
    if (!this.#socket.writable) return;
    // Who does not read the answers is not read either.
    if (!this.#socket.write(this.#conversation.encode(answer))) this.#socket.pause();
  }

  /** Ends a connection whose line is too long, as Flume does: everything after it is dropped. */
  #dismiss(): void {
    const { config, metrics } = this.#options.context;
    metrics.overlong.add(1);
    this.#answer(`FAILED: Event exceeds the maximum length (${config.lineCharsMax} chars, including newline)\n`);
    this.#socket.end();
    this.#socket.resume();
    this.#destroyLater();
  }

  #destroyLater(): void {
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }

  /** The client has sent all. An unfinished line at the end is dropped, as Flume does. */
  #end(): void {
    this.#intake.idle.then(() => this.#socket.end());
  }

  #forget(): void {
    this.#over = true;
    this.#goOn?.();
    this.#intake.leave();
  }
}
