import { newOwner, reclaimOwner } from '@millrace/channel-native';
import type { ChannelStatus } from './agent/channel-keeper.ts';
import { Crew, type MeteredStatus } from './agent/crew.ts';
import { type Loss, OpenChannels, type Remark } from './agent/open-channels.ts';
import { endedBy, type Retiring, retiringChannels, withRetiring, withStuck } from './agent/staying.ts';
import { CRASH_BACKOFF, START_RETRY_MS, Supervisor, type SupervisorOptions } from './agent/supervisor.ts';
import { type BackoffOptions, pause, unlessAborted } from './backoff.ts';
import type { Log } from './component.ts';
import { type Changes, comparePlans } from './config/compare.ts';
import type { Plan, SinkPlan, SourcePlan } from './config/plan-types.ts';
import { MillraceError } from './errors.ts';
import { metricsOf, settle } from './metrics/base.ts';
import type { CellRange } from './metrics/cells.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { count } from './words.ts';
import type { Assignment, LogLevel } from './worker/protocol.ts';

export type { MeteredStatus } from './agent/crew.ts';
export type { Loss } from './agent/open-channels.ts';

export interface AgentOptions {
  readonly log: Log;
  /** Workers leave out what is below this level. Default `info`. */
  readonly logLevel?: LogLevel;
  /** How long `stop` lets components finish what they have: sources a third of it, sinks what is left. Default 30,000. */
  readonly drainTimeoutMs?: number;
  /** Longest time a component may take to open before that counts as failed. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** Most memory one worker may hold. Default 512 MiB. */
  readonly memoryLimitBytes?: number;
  /** Pause after a start that failed. Default 3,000. */
  readonly startRetryMs?: number;
  /** Pauses after a crash. Default 0.1 s doubling to 30 s, and 0.1 s again after a healthy minute. */
  readonly crashBackoff?: BackoffOptions;
  /** Stops the agent; while it is still starting this is the only way. */
  readonly signal?: AbortSignal;
}

/** How an agent and all that is in it are at one moment. */
export interface AgentStatus {
  readonly name: string;
  /** In milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly channels: readonly ChannelStatus[];
  readonly sinks: readonly MeteredStatus[];
  readonly sources: readonly MeteredStatus[];
  /** What a reload has taken away, as it was at its end. One that comes back under the same id is not in it any more. */
  readonly removed: {
    readonly channels: readonly ChannelStatus[];
    readonly sinks: readonly MeteredStatus[];
    readonly sources: readonly MeteredStatus[];
  };
}

/** How an agent stopped. */
export interface Stopped {
  /**
   * Components whose threads have outlived being killed. While there are any, `process.exit` waits for them in vain: only SIGKILL
   * ends the process.
   */
  readonly stuck: readonly string[];
  /** Channels that ended with events in them and do not keep them. */
  readonly lost: readonly Loss[];
}

const CLOSE_GRACE_MS = 3_000;

/** How often it is looked whether a channel that goes is empty. */
const RETIRING_LOOK_MS = 100;

/**
 * Starts what the plan names: channels, then sinks, then sources. Resolves when each has been open once, or has failed its first try; what
 * has failed is tried again for as long as the agent runs, so one bad component stops nothing else. Never rejects because of one.
 */
export async function startAgent(plan: Plan, options: AgentOptions): Promise<Agent> {
  const agent = new Agent(plan, options);
  await agent.start();
  return agent;
}

/** A running agent: one process's channels, and a worker for each of its sources and sinks. */
export class Agent {
  readonly name: string;
  readonly #options: AgentOptions;
  readonly #drainTimeoutMs: number;
  readonly #channels: OpenChannels;
  readonly #sinks: Crew<SinkPlan>;
  readonly #sources: Crew<SourcePlan>;
  readonly #startedAtMs = Date.now();
  readonly #applying = new OneAtATime(() => this.#applyWanted());
  readonly #stopping = new AbortController();
  #wanted: Plan;
  /** The plan that was applied last. */
  #last: Plan;
  #retiring: readonly Retiring[] = [];
  #lookingAgain: NodeJS.Timeout | undefined;
  #stopped: Promise<Stopped> | undefined;

  constructor(plan: Plan, options: AgentOptions) {
    this.name = plan.agent;
    this.#wanted = plan;
    this.#last = { agent: plan.agent, channels: [], sinks: [], sources: [] };
    this.#options = options;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? 30_000;
    const { log, startRetryMs: retryMs = START_RETRY_MS } = options;
    this.#channels = new OpenChannels({ log, retryMs });
    this.#sinks = new Crew((sink, cells) =>
      this.#supervise(sink, cells, {
        assign: () => this.#sinkAssignment(sink, cells),
        isNeeded: () => this.#channels.atStake(sink.channel) > 0,
      }),
    );
    this.#sources = new Crew((source, cells) =>
      this.#supervise(source, cells, { assign: () => this.#sourceAssignment(source, cells), isNeeded: () => false }),
    );
    const stop = () => {
      this.stop().catch((error) => options.log.error({ error }, 'Could not stop in order.'));
    };
    options.signal?.addEventListener('abort', stop, { once: true });
  }

  /** Does what {@link startAgent} says, once. Until then and meanwhile the agent can be asked for its status. */
  async start(): Promise<void> {
    if (!this.#options.signal?.aborted) await this.#applying.run();
  }

  /**
   * Brings what runs to another plan, touching only what differs; resolves with what was done when each component that was started has been open once,
   * or has failed its first try. Calls that come meanwhile share one more run, for the latest plan. Rejects when the agent is stopping.
   */
  reload(next: Plan): Promise<Changes> {
    this.#wanted = next;
    return this.#applying.run();
  }

  /** What runs, or is tried, at this moment. It is what the last plan says, but for what could not be done yet. */
  get plan(): Plan {
    return {
      agent: this.name,
      channels: this.#channels.plans,
      sinks: this.#sinks.plans,
      sources: this.#sources.plans,
    };
  }

  status(): AgentStatus {
    const [channels, sinks, sources] = [this.#channels, this.#sinks, this.#sources];
    return {
      name: this.name,
      startedAtMs: this.#startedAtMs,
      channels: channels.status(),
      sinks: sinks.status(),
      sources: sources.status(),
      removed: { channels: channels.removed(), sinks: sinks.removed(), sources: sources.removed() },
    };
  }

  /** Sources accept nothing more, sinks drain, channels close. Called again it waits for the same end. */
  stop(): Promise<Stopped> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<Stopped> {
    const deadline = performance.now() + this.#drainTimeoutMs;
    const leftMs = () => Math.max(0, deadline - performance.now());
    clearTimeout(this.#lookingAgain);
    this.#stopping.abort();
    await this.#applying.idle;

    await this.#sources.stop(this.#drainTimeoutMs / 3);
    await this.#finishRetiring(deadline);
    await this.#sinks.stop(leftMs());
    return { stuck: this.#stuck, lost: await this.#channels.close() };
  }

  get #stuck(): string[] {
    return [...this.#sources.stuck, ...this.#sinks.stuck].map(({ id }) => id);
  }

  #applyWanted(): Promise<Changes> {
    if (!this.#stopped) return this.#apply(this.#wanted, performance.now() + this.#drainTimeoutMs);
    throw new MillraceError('MR_LIFECYCLE', `${this.name} is stopping, and changes nothing any more.`);
  }

  /** The one way from what runs to what shall run, at the start and in every reload; `docs/design/reload.md` explains the order. */
  async #apply(next: Plan, deadline: number): Promise<Changes> {
    clearTimeout(this.#lookingAgain);
    const running = this.plan;
    const remarks: string[] = [];
    const remark: Remark = (level, sentence) => {
      remarks.push(sentence);
      this.#options.log[level]({}, sentence);
    };

    await this.#sources.stop(this.#drainTimeoutMs / 3, { only: endedBy(comparePlans(running, next)) });
    const plans = { last: this.#last, next };
    this.#retiring = retiringChannels(this.#retiring, plans, (name) => this.#channels.atStake(name));
    this.#last = next;
    for (const { channel } of this.#retiring) {
      const until = `until its ${count(this.#channels.atStake(channel.name), 'event')} are delivered`;
      remark('info', `${channel.id} is not in the configuration any more and is kept ${until}.`);
    }
    const kept = withRetiring(next, this.#retiring);
    const changes = comparePlans(running, kept);
    const drainMs = Math.max(0, deadline - performance.now());
    await this.#sinks.stop(drainMs, { only: endedBy(changes), drain: false });

    for (const id of this.#stuck) {
      const consequence = 'it and its channels stay as they are until the agent is started again';
      remark('error', `The thread of ${id} does not end: ${consequence}.`);
    }
    const plan = withStuck(running, kept, new Set(this.#stuck));
    const until = (wait: Promise<unknown>) => unlessAborted(this.#stopping.signal, wait);
    await this.#channels.become(plan.channels, { touched: endedBy(comparePlans(running, plan)), remark, until });
    await until(this.#sinks.start(plan.sinks));
    if (!this.#stopped) await until(this.#sources.start(plan.sources));

    if (this.#retiring.length > 0 && !this.#stopped) this.#awaitEmpty();
    return { ...changes, remarks };
  }

  /** Applies the plan again when a channel that goes is empty, and nothing stands against its end any more. */
  #awaitEmpty(): void {
    const { log } = this.#options;
    this.#lookingAgain = setTimeout(() => {
      if (!this.#oneIsEmpty) return this.#awaitEmpty();
      this.#applying.run().then(
        ({ changes }) => log.info({ changes }, 'Did what had to wait until a channel was empty.'),
        (error) => {
          if (!this.#stopped) log.error({ error }, 'Could not take away a channel that is empty.');
        },
      );
    }, RETIRING_LOOK_MS).unref();
  }

  get #oneIsEmpty(): boolean {
    return this.#retiring.some(({ channel }) => this.#channels.atStake(channel.name) === 0);
  }

  /** Lets sinks deliver what is in channels that go, and then take from those where they are wanted. */
  async #finishRetiring(deadline: number): Promise<void> {
    try {
      while (this.#retiring.length > 0 && performance.now() < deadline) {
        if (this.#oneIsEmpty) await this.#apply(this.#last, deadline);
        else await pause(RETIRING_LOOK_MS);
      }
    } catch (error) {
      this.#options.log.error({ error }, 'Could not take away a channel that is empty.');
    }
  }

  #supervise(
    plan: SinkPlan | SourcePlan,
    cells: CellRange,
    duties: Pick<SupervisorOptions, 'assign' | 'isNeeded'>,
  ): Supervisor {
    const {
      log,
      logLevel = 'info',
      startTimeoutMs = 30_000,
      memoryLimitBytes = 512 << 20,
      startRetryMs = START_RETRY_MS,
      crashBackoff = CRASH_BACKOFF,
    } = this.#options;
    const metrics = metricsOf(plan.registration.spec);
    const options: SupervisorOptions = {
      log,
      logLevel,
      startTimeoutMs,
      memoryLimitBytes,
      closeGraceMs: CLOSE_GRACE_MS,
      startRetryMs,
      crashBackoff,
      ...duties,
      newOwner,
      reclaim: async (owner) => {
        reclaimOwner(owner);
        settle(metrics, cells);
        await this.#channels.reclaim(owner);
      },
    };
    return new Supervisor(plan.id, options);
  }

  #sinkAssignment({ id, registration, config, channel }: SinkPlan, metrics: CellRange): Assignment {
    const { lingerMs } = registration.spec;
    const module = registration.module.href;
    return { kind: 'sink', id, module, config, metrics, lingerMs, channel: this.#channels.address(channel) };
  }

  #sourceAssignment({ id, registration, config, ...plan }: SourcePlan, metrics: CellRange): Assignment {
    const { drive } = registration.spec;
    const module = registration.module.href;
    const required = plan.required.map((name) => this.#channels.address(name));
    const optional = plan.optional.map((name) => this.#channels.address(name));
    const interceptors = plan.interceptors.map(({ id, registration, config }) => {
      return { id, module: registration.module.href, config };
    });
    return { kind: 'source', id, module, config, metrics, drive, required, optional, interceptors };
  }
}
