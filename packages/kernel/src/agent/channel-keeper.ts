import { pause } from '../backoff.ts';
import type { ChannelAddress, ChannelHost, CreateChannel } from '../channel.ts';
import type { Log } from '../component.ts';
import type { ChannelPlan } from '../config/plan-types.ts';
import { MillraceError } from '../errors.ts';
import { componentLog } from '../log.ts';
import type { ChannelSpec, Spec } from '../spec.ts';

/** What a status says of every component besides what it does. */
export interface Named<Of extends Spec = Spec> {
  /** Such as `a1.channels.c1`. */
  readonly id: string;
  /** Such as `c1`. */
  readonly name: string;
  readonly spec: Of;
  /** When it was first open, in milliseconds since 1970; 0 before that. */
  readonly startedAtMs: number;
  /** When it was stopped for good, in milliseconds since 1970; 0 before that. */
  readonly stoppedAtMs: number;
}

/** How often a channel is asked to give back memory that it does not need now. */
export const TRIM_MS = 10_000;

/** How a channel is, with its figures. */
export interface ChannelStatus extends Named<ChannelSpec> {
  /** Whether what is in it is there again when it is opened again. */
  readonly durable: boolean;
  readonly open: boolean;
  readonly counters: Readonly<Record<string, number>>;
  /** Why it could not be opened the last time that failed. */
  readonly lastError: MillraceError | undefined;
}

export interface ChannelKeeperOptions {
  readonly log: Log;
  readonly retryMs: number;
}

/** Opens one channel in the main thread, trying again until that has worked, and holds it until the agent stops. */
export class ChannelKeeper {
  readonly id: string;
  readonly plan: ChannelPlan;
  /** Resolves when the channel is open, or opening it has failed once. */
  readonly tried: Promise<void>;

  readonly #log: Log;
  readonly #retryMs: number;
  readonly #closing = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  readonly #opening: Promise<void>;
  #host: ChannelHost | undefined;
  #trimming: NodeJS.Timeout | undefined;
  #lastCounters: ChannelStatus['counters'] = {};
  #lastError: MillraceError | undefined;
  #startedAtMs = 0;
  #stoppedAtMs = 0;

  constructor(plan: ChannelPlan, { log, retryMs }: ChannelKeeperOptions) {
    this.id = plan.id;
    this.plan = plan;
    this.#log = componentLog(log, plan.id);
    this.#retryMs = retryMs;
    this.tried = this.#tried.promise;
    this.#opening = this.#open();
  }

  /** Where workers find the channel. Throws `MR_CHANNEL_CLOSED` while it is not open. */
  get address(): ChannelAddress {
    if (this.#host === undefined) {
      throw new MillraceError('MR_CHANNEL_CLOSED', `${this.id} could not be opened yet.`, { cause: this.#lastError });
    }
    return this.#host.address;
  }

  /** Whether it was asked to close. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  get isOpen(): boolean {
    return this.#host !== undefined;
  }

  /** Whether what is in it is there again when it is opened again. */
  get durable(): boolean {
    const { name, config, registration } = this.plan;
    return registration.spec.facts(config, name).durable;
  }

  /** Events in it, those included that are taken and not delivered; 0 while it is not open, undefined when it cannot tell. */
  get held(): number | undefined {
    if (this.#host === undefined) return 0;
    try {
      const { queued = 0, leased = 0 } = this.#host.counters();
      return queued + leased;
    } catch {
      return undefined;
    }
  }

  status(): ChannelStatus {
    this.#readCounters();
    const { id, name, registration } = this.plan;
    return {
      id,
      name,
      spec: registration.spec,
      durable: this.durable,
      startedAtMs: this.#startedAtMs,
      stoppedAtMs: this.#stoppedAtMs,
      open: this.isOpen,
      counters: this.#lastCounters,
      lastError: this.#lastError,
    };
  }

  /** Gives back what a worker's life left open in the channel. */
  async reclaim(owner: number): Promise<void> {
    await this.#host?.reclaim?.(owner);
  }

  /** Resolves with the number of accepted events that are lost by it, and with undefined when the channel could not tell. */
  async close(): Promise<number | undefined> {
    this.#closing.abort();
    await this.#opening;
    clearInterval(this.#trimming);
    const host = this.#host;
    this.#stoppedAtMs ||= Date.now();
    if (host === undefined) return 0;
    this.#readCounters();
    this.#host = undefined;
    try {
      return await host.close();
    } catch (error) {
      this.#log.error({ error }, 'Did not close cleanly.');
      return undefined;
    }
  }

  /** A channel that has broken keeps the last figures it could tell. */
  #readCounters(): void {
    try {
      this.#lastCounters = this.#host?.counters() ?? this.#lastCounters;
    } catch (error) {
      this.#log.debug({ error }, 'Could not tell its figures.');
    }
  }

  #trim(): void {
    try {
      this.#host?.trim();
    } catch (error) {
      clearInterval(this.#trimming);
      this.#log.error({ error }, 'Could not give back memory, and will not try again.');
    }
  }

  async #open(): Promise<void> {
    const { id, config, registration } = this.plan;
    const { signal } = this.#closing;
    while (!signal.aborted && this.#host === undefined) {
      try {
        const { create }: { create: CreateChannel } = await import(registration.module.href);
        this.#host = await create(config, { id, log: this.#log });
        this.#startedAtMs = Date.now();
        this.#trimming = setInterval(() => this.#trim(), TRIM_MS).unref();
      } catch (cause) {
        const error = new MillraceError('MR_COMPONENT_FAILED', `${id} could not be opened: ${messageOf(cause)}`, {
          cause,
        });
        // What stands against it may do so for hours.
        const level = this.#lastError?.message === error.message ? 'debug' : 'error';
        this.#lastError = error;
        this.#log[level]({ error }, `Could not be opened; trying again in ${this.#retryMs} ms.`);
        this.#tried.resolve();
        await pause(this.#retryMs, signal);
      }
    }
    this.#tried.resolve();
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
