import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MillraceError } from '../errors.ts';
import { type Codec, FrameReader } from './frames.ts';
import {
  ANSWER_BYTES_MAX,
  type Answer,
  type Controlled,
  type Ending,
  type Greeting,
  REQUEST_BYTES_MAX,
  type Request,
  type Results,
} from './messages.ts';

/** How long a client that is told to go may take to read why. */
const FAREWELL_MS = 1_000;

export interface ConnectionOptions {
  readonly codec: Codec;
  readonly greeting: Greeting;
  readonly handle: Controlled;
  /** How long the client may be silent before it asks something, or leave an answer unread. */
  readonly patienceMs: number;
  /** Called when the client is sent away, with what it did. */
  readonly onMisuse: (what: string, error?: Error) => void;
}

/** One client of a control socket. What it does wrong ends its connection, and nothing else. */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #closed = new AbortController();
  #patience: NodeJS.Timeout | undefined;
  #awaitsEnd = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.once('close', () => {
      clearTimeout(this.#patience);
      this.#closed.abort();
    });
  }

  /** Answers until the client is gone. Never rejects. */
  async serve(): Promise<void> {
    const reader = new FrameReader(REQUEST_BYTES_MAX);
    try {
      await this.#send(this.#options.greeting);
      this.#awaitRequest();
      // A client that sends nonsense is told so, and only then disconnected.
      for await (const piece of this.#socket.iterator({ destroyOnReturn: false })) {
        for (const frame of reader.read(piece)) {
          clearTimeout(this.#patience);
          await this.#answer(this.#requestOf(frame));
          this.#awaitRequest();
          // Requests that came together must not keep the process from everything else.
          await nextTurn();
        }
      }
    } catch (error) {
      // All others come of a connection that is gone.
      if (error instanceof MillraceError) this.dismiss('sent what is no request', error);
    }
  }

  /** Tells the client why it has to go, and lets it go. */
  dismiss(what: string, error?: Error): void {
    const { codec, onMisuse } = this.#options;
    onMisuse(what, error);
    const message = `This client ${what}. ${error?.message ?? ''}`.trimEnd();
    this.#socket.write(codec.encode({ id: 0, ok: false, code: 'MR_CONTROL', message } satisfies Answer));
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }

  /** Tells a client that waits for it how the agent has ended, and leaves its connection to the end of the process; else closes it. */
  close(ended: Ending['ended'] | undefined): void {
    if (ended === undefined || !this.#awaitsEnd) this.#socket.destroySoon();
    else {
      this.#socket.write(this.#options.codec.encode({ ended } satisfies Ending));
      this.#socket.unref();
    }
  }

  #awaitRequest(): void {
    if (this.#awaitsEnd || this.#closed.signal.aborted) return;
    const { patienceMs } = this.#options;
    this.#patience = setTimeout(() => this.dismiss(`asked nothing for ${patienceMs / 1_000} s`), patienceMs).unref();
  }

  #requestOf(frame: Buffer): Request {
    const message = this.#options.codec.decode(frame);
    if (isRequest(message)) return message;
    throw new MillraceError('MR_CONTROL', 'A request is {id, ask}, and asks for status, stop or reload.');
  }

  async #answer(request: Request): Promise<void> {
    const { id } = request;
    let answer: Answer;
    try {
      answer = { id, ok: true, result: await this.#resultOf(request) };
    } catch (error) {
      const code = error instanceof MillraceError ? error.code : 'MR_CONTROL';
      answer = { id, ok: false, code, message: error instanceof Error ? error.message : String(error) };
    }
    await this.#send(answer);
  }

  #resultOf(request: Request): Results[Request['ask']] | Promise<Results['reload']> {
    const { handle } = this.#options;
    switch (request.ask) {
      case 'status':
        return handle.status();
      case 'stop':
        handle.stop();
        this.#awaitsEnd = true;
        return null;
      case 'reload':
        return handle.reload(request.planOnly);
    }
  }

  async #send(message: Greeting | Answer): Promise<void> {
    let frame = this.#options.codec.encode(message);
    if (frame.length > ANSWER_BYTES_MAX && 'id' in message) {
      const tooLong = `The answer has ${frame.length} bytes, and must not have more than ${ANSWER_BYTES_MAX}.`;
      frame = this.#options.codec.encode({
        id: message.id,
        ok: false,
        code: 'MR_CONTROL',
        message: tooLong,
      } satisfies Answer);
    }
    if (this.#socket.write(frame)) return;

    const { patienceMs, onMisuse } = this.#options;
    this.#patience = setTimeout(() => {
      onMisuse(`did not read an answer for ${patienceMs / 1_000} s`);
      this.#socket.destroy();
    }, patienceMs).unref();
    await once(this.#socket, 'drain', { signal: this.#closed.signal });
    clearTimeout(this.#patience);
  }
}

function isRequest(message: unknown): message is Request {
  if (typeof message !== 'object' || message === null) return false;
  const { id, ask, planOnly } = message as Partial<Record<string, unknown>>;
  if (!Number.isSafeInteger(id) || (id as number) < 1) return false;
  return ask === 'status' || ask === 'stop' || (ask === 'reload' && typeof planOnly === 'boolean');
}
