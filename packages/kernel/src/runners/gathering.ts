import type { TakeOptions } from '../channel.ts';

/** How long events are gathered that come in quick succession. */
const GATHER_MS = 1;
/** Takes that follow each other faster than this are hurried. */
const HURRIED_MS = 0.25;
/** A take that gathers has to bring as many events as so many others, or it is not worth its wait. */
const WORTH = 4;

/**
 * Decides how a sink takes that does not linger. Where events come one by one in quick succession, waking the sink for each costs more than
 * delivering it: then each take waits a millisecond for what comes behind, unless somebody waits for room in the channel.
 */
export class Gathering {
  readonly #max: number;
  #takenMs = Number.NEGATIVE_INFINITY;
  /** What a take brought that did not gather, while takes gather. */
  #single: number | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  /** What the next take asks for. */
  next(): Pick<TakeOptions, 'minEvents' | 'lingerMs'> {
    return this.#single === undefined ? AT_ONCE : { minEvents: this.#max, lingerMs: GATHER_MS };
  }

  /** Notes what a take has brought. */
  took(events: number, nowMs = performance.now()): void {
    const hurried = nowMs - this.#takenMs < HURRIED_MS;
    this.#takenMs = nowMs;
    if (this.#single !== undefined) {
      if (events < WORTH * this.#single) this.#single = undefined;
    } else if (hurried && WORTH * events <= this.#max) {
      this.#single = events;
    }
  }
}

const AT_ONCE = { minEvents: 1, lingerMs: 0 } as const;
