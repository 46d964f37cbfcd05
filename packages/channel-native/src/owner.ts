import { addon } from './addon.ts';
import { failure } from './error.ts';

/**
 * The number of a worker's life. The thread that starts the worker takes one, gives it to the worker, which begins with
 * {@link Owner}, and calls {@link reclaimOwner} after the worker's `exit` event.
 */
export type OwnerId = number;

/** A number for a worker life that is about to begin; it is never given out again in this process. */
export function newOwner(): OwnerId {
  return addon.newOwner();
}

/**
 * Gives back what a worker left open: its reservations are void, its leases return to their place in the channel. Only after the worker's `exit`
 * event: until then its thread may be inside a copy.
 */
export function reclaimOwner(owner: OwnerId): void {
  addon.reclaimOwner(owner);
  releaseClosed();
}

/** Buffers of the channels this thread opened: native code holds their addresses, so they stay until the engine has let go. */
const retained = new Map<number, SharedArrayBuffer>();

/** Keeps the buffer of a channel for as long as the engine may touch it. */
export function retain(channel: number, buffer: SharedArrayBuffer): void {
  retained.set(channel, buffer);
}

/** Lets go of the buffers of channels that are over. */
export function releaseClosed(): void {
  for (const channel of retained.keys()) {
    if (!addon.isOpen(channel)) retained.delete(channel);
  }
}

/** What a wait resolves to: a handle, or a negative outcome. */
type Settle = (outcome: number) => void;

/** This thread's side of its life: it waits for answers of channels without blocking and without polling. */
export class Owner {
  readonly id: OwnerId;
  readonly #waits = new Map<number, Settle>();
  /** Holds the event loop while something is waited for; the doorbell itself does not. */
  readonly #alive = setInterval(() => {}, 2 ** 30).unref();
  /** Where the engine writes tokens and outcomes. */
  readonly #answers = new Float64Array(64);
  #lastToken = 0;

  constructor(id: OwnerId = newOwner()) {
    this.id = id;
    addon.enterOwner(id, () => this.#answer());
  }

  /** A number under which a call may wait; it means something once {@link wait} was called with it. */
  nextToken(): number {
    this.#lastToken = (this.#lastToken + 1) >>> 0;
    return this.#lastToken;
  }

  /** Resolves with the outcome of a wait that a channel has just promised. */
  wait(token: number): Promise<number> {
    return new Promise((resolve) => {
      if (this.#waits.size === 0) this.#alive.ref();
      this.#waits.set(token, resolve);
    });
  }

  /** Resolves when a wait has ended well, and rejects with what the channel says otherwise. */
  async settled(channel: number, token: number): Promise<void> {
    const outcome = await this.wait(token);
    if (outcome < 0) throw failure(channel, outcome);
  }

  /** Forgets a wait that the channel has confirmed to be cancelled. */
  forget(token: number): void {
    this.#waits.delete(token);
    if (this.#waits.size === 0) this.#alive.unref();
  }

  /** Ends all waits; their promises stay unsettled. For a thread that goes on living; one that ends leaves by itself. */
  leave(): void {
    addon.leaveOwner(this.id);
    this.#waits.clear();
    clearInterval(this.#alive);
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  #answer(): void {
    const answers = this.#answers;
    let length: number;
    do {
      length = addon.answerOwner(this.id, answers);
      for (let at = 0; at < length; at += 2) {
        const token = answers[at]!;
        const settle = this.#waits.get(token);
        this.forget(token);
        settle?.(answers[at + 1]!);
      }
    } while (length === answers.length);
  }
}
