import { pause } from '@millrace/kernel/backoff';

/** Lets so many a second pass. What was not used is kept for a second; who takes many at once makes the next one wait, as Flume's limiter does. */
export class RateLimit {
  readonly #perMs: number;
  #kept = 0;
  /** When everything that was taken has been let pass. */
  #freeAtMs = performance.now();

  constructor(perSecond: number) {
    this.#perMs = perSecond / 1_000;
  }

  /** Resolves when so many may pass, or the signal aborts. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    if (nowMs > this.#freeAtMs) {
      this.#kept = Math.min(1_000 * this.#perMs, this.#kept + (nowMs - this.#freeAtMs) * this.#perMs);
      this.#freeAtMs = nowMs;
    }
    const waitMs = this.#freeAtMs - nowMs;
    const fromKept = Math.min(count, this.#kept);
    this.#kept -= fromKept;
    this.#freeAtMs += (count - fromKept) / this.#perMs;
    // Timers are exact to a millisecond; what passes early now waits longer the next time.
    if (waitMs >= 1) await pause(waitMs, signal);
  }
}
