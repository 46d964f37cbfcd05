import { setTimeout as sleep } from 'node:timers/promises';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** A run this long makes the next pause the first one again. */
  readonly healthyMs: number;
}

/** Pauses that double from `firstMs` to `maxMs`. */
export class Backoff {
  readonly #options: BackoffOptions;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#nextMs = options.firstMs;
  }

  /** How long to pause after something that ran for `ranMs` has failed. */
  pauseMs(ranMs: number): number {
    if (ranMs >= this.#options.healthyMs) this.#nextMs = this.#options.firstMs;
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, this.#options.maxMs);
    return pauseMs;
  }
}

/** Waits for `ms`, or until the signal aborts, whichever is first. Never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await sleep(ms, undefined, { ...(signal && { signal }) }).catch(() => {});
}

/** Waits for something, or until the signal aborts, whichever is first. (A race with a promise that never settles would hold on to every wait.) */
export async function unlessAborted(signal: AbortSignal, wait: Promise<unknown>): Promise<void> {
  if (signal.aborted) return;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const abort = () => resolve();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([wait, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
