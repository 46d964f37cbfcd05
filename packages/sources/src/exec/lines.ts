import type { Batch, SourceContext } from '@millrace/kernel/component';
import { putNeighbours } from '../shared/neighbours.ts';
import type { exec } from './spec.ts';

/** So much, about what a full pipe brings, is put though it is less than `batchSize`: more leaves the cache, and while a channel is busy more gathers anyhow. */
const ENOUGH_BYTES = 60 << 10;
/** How much is read while lines are being put. More shares transactions better; but what finds no room in time when the source is stopped is lost. */
const AHEAD_BYTES = 256 << 10;

/** Gathers lines until there are enough, or they have waited long enough, and puts them in order. */
export class Lines {
  /** Told when there is room again. */
  onRoom: (() => void) | undefined;
  readonly #context: SourceContext<typeof exec>;
  #batches: Batch[] = [];
  #events = 0;
  #bytes = 0;
  #putAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #putting = false;
  /** Resolves when what is being put is in the channels, or refused for good. */
  #idle: Promise<void> = Promise.resolve();
  #flushing = false;

  constructor(context: SourceContext<typeof exec>) {
    this.#context = context;
  }

  /** Adds lines; returns whether there is room for more. */
  add(batches: readonly Batch[]): boolean {
    for (const batch of batches) {
      this.#batches.push(batch);
      this.#events += batch.length;
      this.#bytes += batch.byteLength;
    }
    this.#putIfDue();
    return !this.#putting || this.#bytes < AHEAD_BYTES;
  }

  /** Puts what there is. Resolves when all of it is in the channels, or refused for good. */
  async flush(): Promise<void> {
    this.#flushing = true;
    this.#putIfDue();
    await this.#idle;
    this.#flushing = false;
  }

  #putIfDue(): void {
    if (this.#putting || this.#events === 0) return;
    if (this.#isDue()) {
      this.#idle = this.#put();
    } else {
      const leftMs = this.#putAtMs + this.#context.config.batchTimeoutMs - performance.now();
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#putIfDue();
      }, leftMs + 1);
    }
  }

  #isDue(): boolean {
    const { batchSize, batchTimeoutMs } = this.#context.config;
    const isEnough = this.#events >= batchSize || this.#bytes >= ENOUGH_BYTES;
    return this.#events > 0 && (isEnough || this.#flushing || performance.now() - this.#putAtMs >= batchTimeoutMs);
  }

  async #put(): Promise<void> {
    this.#putting = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#isDue()) {
      const batches = this.#batches;
      this.#batches = [];
      this.#events = 0;
      this.#bytes = 0;
      this.onRoom?.();
      // One after the other, and each in as large transactions as the channels take: several at once could pass each other.
      while (batches.length > 0) await this.#putNeighbours(batches);
      this.#putAtMs = performance.now();
    }
    this.#putting = false;
    this.onRoom?.();
    this.#putIfDue();
  }

  async #putNeighbours(batches: Batch[]): Promise<void> {
    const { emitAll, log } = this.#context;
    const { refused: lines, error } = await putNeighbours(batches, emitAll);
    if (lines > 0) log.error({ error, lines }, 'Lines were dropped.');
  }
}
