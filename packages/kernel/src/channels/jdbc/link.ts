import { MessageChannel, type MessagePort, postMessageToThread } from 'node:worker_threads';
import { ChannelError } from '@millrace/channel-native';
import type { Answer, Ask, Tell } from './messages.ts';

/** How long a store may take to hear that somebody wants to talk to it. It may be in the middle of a commit. */
const CONNECT_TIMEOUT_MS = 30_000;

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

const links = new Map<number, Promise<Link>>();

/** This thread's connection to a store: one, whoever uses it, so that what is said first is heard first. */
export class Link {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #lastToken = 0;
  #over = false;

  /** The connection to the store in that thread. */
  static to(thread: number): Promise<Link> {
    const known = links.get(thread);
    if (known !== undefined) return known;
    const link = connect(thread);
    links.set(thread, link);
    link.catch(() => links.delete(thread));
    return link;
  }

  constructor(port: MessagePort, ended: () => void) {
    this.#port = port;
    port.on('message', (answer: Answer) => this.#settle(answer));
    port.on('close', () => {
      this.#over = true;
      ended();
      for (const { reject } of this.#pending.values()) reject(gone());
    });
    port.unref();
  }

  /** Whether the store is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** Asks, and resolves with the answer. The signal asks the store to give the wait up; it answers in any case. */
  async ask<Value>(ask: Ask, transfer: ArrayBuffer[] = [], signal?: AbortSignal): Promise<Value> {
    if (this.#over) throw gone();
    this.#lastToken += 1;
    const token = this.#lastToken;
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    if (this.#pending.size === 0) this.#port.ref();
    this.#pending.set(token, { resolve, reject });
    this.#port.postMessage({ ...ask, token }, transfer);
    if (signal === undefined) return promise;

    const cancel = () => this.tell({ op: 'cancel', token });
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Says something that has no answer. A store that is gone has forgotten everything anyway. */
  tell(tell: Tell): void {
    this.#port.postMessage(tell);
  }

  #settle({ token, value, error }: Answer): void {
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    if (this.#pending.size === 0) this.#port.unref();
    if (error === undefined) pending?.resolve(value as never);
    else pending?.reject(new ChannelError(error.code, error.message));
  }
}

async function connect(thread: number): Promise<Link> {
  const { port1, port2 } = new MessageChannel();
  // Waiting for a thread to hear a message holds no event loop; a port does.
  port1.ref();
  await postMessageToThread(thread, { jdbc: port2 }, [port2], CONNECT_TIMEOUT_MS);
  return new Link(port1, () => links.delete(thread));
}

function gone(): ChannelError {
  return new ChannelError('MR_CHANNEL_CLOSED', 'The channel is closed, or its store has failed: the log says which.');
}
