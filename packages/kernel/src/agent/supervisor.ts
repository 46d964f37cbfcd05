import { Backoff, type BackoffOptions, pause } from '../backoff.ts';
import type { Log } from '../component.ts';
import { MillraceError } from '../errors.ts';
import { componentLog, writeRecord } from '../log.ts';
import { Host, type HostOptions, type HostState } from '../worker/host.ts';
import type { Assignment } from '../worker/protocol.ts';

/** The pause after a start that failed, as in Flume. */
export const START_RETRY_MS = 3_000;
/** The pauses after a component that ran has crashed. */
export const CRASH_BACKOFF: BackoffOptions = { firstMs: 100, maxMs: 30_000, healthyMs: 60_000 };
/** How long a thread may take to end after it was killed before it is given up. */
const EXIT_TIMEOUT_MS = 2_000;

export interface SupervisorOptions extends Omit<HostOptions, 'onLog'> {
  readonly log: Log;
  readonly startRetryMs: number;
  readonly crashBackoff: BackoffOptions;
  /** What the component is told at the start of its next life. Throws while that cannot be said, for want of a channel. */
  readonly assign: () => Assignment;
  /** A number for the component's next life. */
  readonly newOwner: () => number;
  /** Gives back what a life held. Called after its thread has ended and before the next one starts. */
  readonly reclaim: (owner: number) => void | Promise<void>;
  /** Whether events are lost at the end unless it delivers them. */
  readonly isNeeded: () => boolean;
}

/** What a component is doing; `waiting` is the pause before another start. */
export type SupervisedState = HostState | 'waiting';

export interface ComponentStatus {
  readonly id: string;
  readonly state: SupervisedState;
  /** Starts after the first one. */
  readonly restarts: number;
  /** When it was first open, in milliseconds since 1970; 0 before that. */
  readonly startedAtMs: number;
  /** When it was asked to stop for good, in milliseconds since 1970; 0 before that. */
  readonly stoppedAtMs: number;
  /** Why its last life that was not asked to end did end. */
  readonly lastError: MillraceError | undefined;
}

/**
 * Keeps one component alive: starts it, and starts it again whenever it has crashed or could not be started, until it is stopped; and then too, as long as
 * there is time to drain and it is needed for that. Nothing that happens to it reaches another component.
 */
export class Supervisor {
  readonly id: string;
  /** Resolves when the component has been open once, or its first start has failed. */
  readonly tried: Promise<void>;

  readonly #options: SupervisorOptions;
  readonly #log: Log;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #host: Host | undefined;
  #state: 'waiting' | undefined;
  #hasEnded = false;
  /** Until when it may drain, once it was asked to stop. */
  #drainsUntilMs = 0;
  #restarts = 0;
  #startedAtMs = 0;
  #stoppedAtMs = 0;
  #lastError: MillraceError | undefined;

  constructor(id: string, options: SupervisorOptions) {
    this.id = id;
    this.#options = options;
    this.#log = componentLog(options.log, id);
    this.#backoff = new Backoff(options.crashBackoff);
    this.tried = this.#tried.promise;
    this.#ended = this.#supervise();
  }

  /** Whether it was stopped, its thread has ended, and what that held is given back. */
  get ended(): boolean {
    return this.#hasEnded;
  }

  /** Whether it was asked to stop, and its thread goes on. */
  get stopping(): boolean {
    return this.#stopping.signal.aborted && !this.#hasEnded;
  }

  status(): ComponentStatus {
    const state = this.#state ?? this.#host?.state ?? 'stopped';
    const lastError = this.#host?.failure ?? this.#lastError;
    const [startedAtMs, stoppedAtMs] = [this.#startedAtMs, this.#stoppedAtMs];
    return { id: this.id, state, restarts: this.#restarts, startedAtMs, stoppedAtMs, lastError };
  }

  /**
   * Stops the component, or the wait for its next start. Resolves with true when its thread has ended, and with false when the thread
   * has outlived even being killed; then only the end of the process ends it. Unless it shall `drain`, a sink finishes only what it has taken.
   */
  async stop(drainMs: number, drain = true): Promise<boolean> {
    this.#stoppedAtMs ||= Date.now();
    if (drain) this.#drainsUntilMs = performance.now() + drainMs;
    this.#stopping.abort();
    const host = this.#host;
    if (host?.state === 'starting' && this.#mustDrain) this.#drainWhenOpen(host);
    else if (host?.state === 'starting' || host?.state === 'running') host.stop(drainMs, drain);
    const patience = new AbortController();
    const ended = await Promise.race([
      this.#ended.then(() => true),
      pause(drainMs + this.#options.closeGraceMs + EXIT_TIMEOUT_MS, patience.signal).then(() => false),
    ]);
    patience.abort();
    if (!ended) this.#log.error({}, 'The thread does not end, though it was killed. It is left behind.');
    return ended;
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      this.#state = undefined;
      const pauseMs = await this.#live();
      if (pauseMs === undefined) break;
      this.#state = 'waiting';
      if (signal.aborted) await pause(Math.min(pauseMs, this.#drainLeftMs));
      else await pause(pauseMs, signal);
      if (signal.aborted && !this.#mustDrain) break;
      this.#restarts += 1;
    }
    this.#state = undefined;
    this.#hasEnded = true;
    this.#tried.resolve();
  }

  get #drainLeftMs(): number {
    return Math.max(0, this.#drainsUntilMs - performance.now());
  }

  get #mustDrain(): boolean {
    return this.#drainLeftMs > 0 && this.#options.isNeeded();
  }

  /** Lets a life deliver as soon as it is open, and ends it when it is not open in time. */
  async #drainWhenOpen(host: Host): Promise<void> {
    const tooLate = setTimeout(() => host.state === 'starting' && host.stop(0), this.#drainLeftMs);
    await host.running.catch(() => {});
    clearTimeout(tooLate);
    if (host.state === 'running') host.stop(this.#drainLeftMs);
  }

  /** One life, from the start of its thread until all it held is given back. Resolves with the pause before the next, if there is to be one. */
  async #live(): Promise<number | undefined> {
    const { assign, newOwner, reclaim, log } = this.#options;
    let owner: number | undefined;
    let openSince: number | undefined;
    let failure: MillraceError | undefined;
    try {
      const assignment = assign();
      owner = newOwner();
      this.#host = new Host(assignment, owner, {
        ...this.#options,
        onLog: (record) => writeRecord(log, this.id, record),
      });
      this.#host.running.then(
        () => {
          openSince = performance.now();
          this.#startedAtMs ||= Date.now();
          this.#log.info({}, this.#restarts === 0 ? 'Started.' : 'Started again.');
          this.#tried.resolve();
        },
        () => this.#tried.resolve(),
      );
      if (this.#stopping.signal.aborted) this.#drainWhenOpen(this.#host);
      failure = await this.#host.exited;
    } catch (error) {
      failure = asMillraceError(this.id, error);
      this.#tried.resolve();
    }
    try {
      if (owner !== undefined) await reclaim(owner);
    } catch (error) {
      this.#log.error({ error }, 'What the last life held could not be given back to the channels.');
    }
    if (failure === undefined) return undefined;

    const said = this.#lastError?.message === failure.message;
    this.#lastError = failure;
    if (this.#stopping.signal.aborted && !this.#mustDrain) {
      this.#log.error({ error: failure }, 'Did not stop cleanly.');
      return undefined;
    }
    const { startRetryMs } = this.#options;
    const pauseMs = openSince === undefined ? startRetryMs : this.#backoff.pauseMs(performance.now() - openSince);
    const what = openSince === undefined ? 'Could not be started' : 'Crashed';
    // It may wait for something for hours.
    const level = openSince === undefined && said ? 'debug' : 'error';
    this.#log[level]({ error: failure }, `${what}; starting again in ${pauseMs} ms.`);
    return pauseMs;
  }
}

function asMillraceError(id: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError('MR_COMPONENT_FAILED', `${id} could not be given a thread: ${error}`, { cause: error });
}
