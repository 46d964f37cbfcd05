import type { Socket } from 'node:net';
import type { SourceContext } from '@millrace/kernel/component';
import type { Charset, Conversation } from './charset.ts';
import type { InFlight, Reader } from './in-flight.ts';
import type { netcat } from './spec.ts';

export interface ConnectionOptions {
  readonly context: SourceContext<typeof netcat>;
  readonly charset: Charset;
  readonly inFlight: InFlight;
}

/** How long a client that is told to go may take: to read its answers, and to stop sending; what it sends is dropped. A reset at once would take the answers away from it. */
const FAREWELL_MS = 1_000;
const EMPTY = Buffer.alloc(0);

/** One client: its lines are put and answered in order, and no further piece is read before the last one was answered. */
export class Connection implements Reader {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #conversation: Conversation;
  /** The unfinished line: the first `#tailLength` bytes. */
  #tail = EMPTY;
  #tailLength = 0;
  /** Resolves when everything that was read is answered. */
  #idle: Promise<void> = Promise.resolve();
  #busy = false;
  #over = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#conversation = options.charset.conversation();
    options.inFlight.join(this);
    socket.on('data', (data) => this.#receive(data as Buffer));
    socket.on('end', () => this.#end());
    socket.on('drain', () => this.resume());
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
    const blocked = this.#busy || this.#over || !this.#options.inFlight.mayRead(this) || this.#socket.writableNeedDrain;
    if (!blocked) this.#socket.resume();
  }

  /** Reads no more, and ends when everything that was read is answered; but does not wait for ever that the answers are read. */
  async close(): Promise<void> {
    this.#over = true;
    this.#socket.pause();
    await this.#idle;
    this.#socket.destroySoon();
    this.#destroyLater();
  }

  #receive(data: Buffer): void {
    if (this.#over) return;
    this.#busy = true;
    this.#socket.pause();
    this.#options.inFlight.began(this, data.length);
    this.#idle = this.#take(this.#conversation.decode(data)).finally(() => {
      this.#busy = false;
      this.#options.inFlight.ended(this, data.length, this.#tailLength > 0);
      this.resume();
    });
  }

  /** Puts the lines of a piece and keeps its unfinished rest. */
  async #take(data: Buffer): Promise<void> {
    const { config, builder } = this.#options.context;
    let rest = data;
    for (let more = true; more && !this.#over; ) {
      const lines = builder.splitLines(this.#tail.subarray(0, this.#tailLength), rest, config.lineCharsMax);
      more = lines.more;
      if (lines.consumed > 0) this.#setTail(EMPTY);
      rest = rest.subarray(lines.consumed);
      if (lines.batch.length > 0) await this.#put(lines.batch);
      if (lines.overlong) return this.#dismiss();
    }
    if (rest.length > 0) this.#setTail(rest);
  }

  async #put(batch: Parameters<ConnectionOptions['context']['emitEach']>[0]): Promise<void> {
    const { config, emitEach } = this.#options.context;
    await emitEach(batch, (accepted, failure) => {
      let answer = config.acknowledge ? 'OK\n'.repeat(accepted) : '';
      // A failure is told even to those who do not want to hear of success: they have to send again.
      if (failure !== undefined) answer += `FAILED: ${failure.message}\n`;
      if (answer !== '') this.#answer(answer);
    });
  }

  #answer(answer: string): void {
    if (this.#socket.writable) this.#socket.write(this.#conversation.encode(answer));
  }

  /** Ends a connection whose line is too long, as Flume does: everything after it is dropped. */
  #dismiss(): void {
    const { config, metrics } = this.#options.context;
    metrics.overlong.add(1);
    this.#over = true;
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
    this.#idle.then(() => this.#socket.end());
  }

  #forget(): void {
    this.#over = true;
    this.#setTail(EMPTY);
    this.#options.inFlight.leave(this);
  }

  /** Replaces the unfinished line by nothing, or makes it longer. What is kept counts as in flight. */
  #setTail(more: Buffer): void {
    const { inFlight } = this.#options;
    if (more.length === 0) {
      inFlight.remove(this.#tailLength);
      this.#tailLength = 0;
      if (this.#tail.length > 64 << 10) this.#tail = EMPTY;
      return;
    }
    const needed = this.#tailLength + more.length;
    if (needed > this.#tail.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(256, 2 ** Math.ceil(Math.log2(needed))));
      this.#tail.copy(larger, 0, 0, this.#tailLength);
      this.#tail = larger;
    }
    more.copy(this.#tail, this.#tailLength);
    this.#tailLength = needed;
    inFlight.add(more.length);
  }
}
