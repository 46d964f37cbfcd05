import type { Log } from '../component.ts';
import type { Assignment } from '../worker/protocol.ts';

/** What a runner makes its component from. */
export interface Stage {
  readonly assignment: Assignment;
  /** The number of this life. */
  readonly owner: number;
  /** The component's module: exports `open`. */
  readonly module: { open?: unknown };
  readonly log: Log;
  /** Aborts when the component is asked to stop. */
  readonly asked: AbortSignal;
  /** Aborts just before `asked` when what is left in the channel is not for this life to deliver. */
  readonly leaving: AbortSignal;
  /** Aborts when the time for draining is over. */
  readonly overdue: AbortSignal;
}

/** A component that is open. */
export interface Opened {
  /** Resolves when the component was asked to stop and nothing is left to do. */
  run(): Promise<void>;
  close(): Promise<void>;
}

/** What a runner's module exports as `open`. */
export type Open = (stage: Stage) => Promise<Opened>;

/** A runner that never waits for anything still lets its worker's event loop turn this often: stop and doorbells come through it. */
const TURN_MS = 10;

/** Knows when the event loop is due for a turn. */
export class Turn {
  #dueAt = performance.now() + TURN_MS;

  /** True when the loop has not turned for a while; then `take` it. */
  get due(): boolean {
    return performance.now() >= this.#dueAt;
  }

  /** Lets the event loop turn once. */
  async take(): Promise<void> {
    await new Promise(setImmediate);
    this.#dueAt = performance.now() + TURN_MS;
  }
}

/** The Millrace code of what was thrown, whichever copy of the kernel made the error. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
}
