import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { MillraceError } from '../errors.ts';
import { type Codec, FrameReader, loadCodec } from './frames.ts';
import {
  ANSWER_BYTES_MAX,
  type Answer,
  type Ending,
  type Greeting,
  PROTOCOL,
  type Request,
  type Results,
} from './messages.ts';

const broken = (detail: string) => new MillraceError('MR_CONTROL', detail);
const GONE = broken('The agent has closed the connection.');

/** A question without its number. */
type Question<Ask extends Request['ask']> = { readonly ask: Ask } & Omit<Extract<Request, { ask: Ask }>, 'id'>;

/**
 * Connects to the control socket of an agent. Rejects with what the operating system says when nobody listens there, and with `MR_CONTROL` when nobody answers
 * in time, or in words that are not understood.
 */
export async function connectAgent(path: string, timeoutMs: number): Promise<ControlClient> {
  const codec = await loadCodec();
  const socket = connect(path);
  await once(socket, 'connect');
  const client = new ControlClient(socket, codec);
  await client.within(timeoutMs, client.greeted);
  return client;
}

/** A connection to an agent. */
export class ControlClient {
  readonly greeted: Promise<Greeting>;
  /** Resolves when the agent has closed the connection, at the latest by the end of its process; with how it ended, when it has told that. */
  readonly closed: Promise<Ending['ended'] | undefined>;

  readonly #socket: Socket;
  readonly #codec: Codec;
  readonly #greeted = Promise.withResolvers<Greeting>();
  readonly #pending = new Map<number, PromiseWithResolvers<never>>();
  #asked = 0;
  #ended: Ending['ended'] | undefined;

  constructor(socket: Socket, codec: Codec) {
    this.#socket = socket;
    this.#codec = codec;
    this.greeted = this.#greeted.promise;
    this.closed = this.#listen();
  }

  /** Asks for something. Rejects when the agent refuses, when it is gone, and when it does not answer in time. */
  ask<Ask extends Request['ask']>(
    question: Question<Ask>,
    { timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<Results[Ask]> {
    this.#asked += 1;
    const answer = Promise.withResolvers<never>();
    this.#pending.set(this.#asked, answer);
    this.closed.then(() => answer.reject(GONE));
    this.#socket.write(this.#codec.encode({ id: this.#asked, ...question }));
    return timeoutMs === undefined ? answer.promise : this.within(timeoutMs, answer.promise);
  }

  /** Gives the agent up when a promise takes longer. */
  async within<Value>(timeoutMs: number, promise: Promise<Value>): Promise<Value> {
    const timer = setTimeout(
      () => this.#socket.destroy(broken(`There is no answer within ${timeoutMs / 1_000} s.`)),
      timeoutMs,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #listen(): Promise<Ending['ended'] | undefined> {
    this.greeted.catch(() => {}); // nobody need wait for it
    let reason = GONE;
    try {
      const reader = new FrameReader(ANSWER_BYTES_MAX);
      for await (const piece of this.#socket) {
        for (const frame of reader.read(piece)) this.#hear(this.#codec.decode(frame) as Greeting | Answer | Ending);
      }
    } catch (error) {
      reason = error instanceof MillraceError ? error : broken((error as Error).message);
    }
    this.#greeted.reject(reason);
    for (const { reject } of this.#pending.values()) reject(reason);
    return this.#ended;
  }

  #hear(message: Greeting | Answer | Ending): void {
    if ('millrace' in message) {
      if (message.millrace !== PROTOCOL) {
        throw broken(
          `The agent speaks version ${message.millrace} of the protocol, and this command ${PROTOCOL}: use that of Millrace ${message.version}.`,
        );
      }
      this.#greeted.resolve(message);
    } else if ('ended' in message) {
      this.#ended = message.ended;
    } else if (message.id === 0 && !message.ok) {
      throw broken(message.message);
    } else {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.ok) pending?.resolve(message.result as never);
      else pending?.reject(new Error(message.message));
    }
  }
}
