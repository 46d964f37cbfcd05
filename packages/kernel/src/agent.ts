import { newOwner, reclaimOwner } from '@millrace/channel-native';
import type { BackoffOptions } from './backoff.ts';
import { ChannelKeeper, type ChannelStatus, type Named } from './channel-keeper.ts';
import type { Log } from './component.ts';
import type { Plan, SinkPlan, SourcePlan } from './config/plan-types.ts';
import { metricsOf, settle } from './metrics/base.ts';
import { allocateCells, type CellRange, readCells } from './metrics/cells.ts';
import type { Assignment, LogLevel } from './protocol.ts';
import type { SinkSpec, SourceSpec } from './spec.ts';
import {
  type ComponentStatus,
  CRASH_BACKOFF,
  START_RETRY_MS,
  Supervisor,
  type SupervisorOptions,
} from './supervisor.ts';

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

export interface MeteredStatus extends ComponentStatus, Named<SourceSpec | SinkSpec> {
  /** Names of the channels it puts into or takes from, the required ones first. */
  readonly channels: readonly string[];
  /** The component's figures by their keys. They go on through its restarts. */
  readonly metrics: Readonly<Record<string, number>>;
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

export interface Loss {
  readonly channel: string;
  /** How many events it had accepted that no sink had delivered; undefined when it could not tell. */
  readonly events: number | undefined;
}

const CLOSE_GRACE_MS = 3_000;

interface Piece {
  readonly plan: SinkPlan | SourcePlan;
  readonly supervisor: Supervisor;
  readonly cells: CellRange;
}

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
  readonly #plan: Plan;
  readonly #options: AgentOptions;
  readonly #channels = new Map<string, ChannelKeeper>();
  #sinks: readonly Piece[] = [];
  #sources: readonly Piece[] = [];
  readonly #startedAtMs = Date.now();
  #stopped: Promise<Stopped> | undefined;

  constructor(plan: Plan, options: AgentOptions) {
    this.name = plan.agent;
    this.#plan = plan;
    this.#options = options;
    const stop = () => {
      this.stop().catch((error) => options.log.error({ error }, 'Could not stop in order.'));
    };
    options.signal?.addEventListener('abort', stop, { once: true });
  }

  /** Does what {@link startAgent} says, once. Until then and meanwhile the agent can be asked for its status. */
  async start(): Promise<void> {
    if (this.#options.signal?.aborted) return;
    const { channels, sinks, sources } = this.#plan;
    const cells = allocateCells(
      [...sinks, ...sources].map(({ registration }) => Object.keys(metricsOf(registration.spec))),
    );

    const { log, startRetryMs: retryMs = START_RETRY_MS } = this.#options;
    for (const plan of channels) {
      this.#channels.set(plan.name, new ChannelKeeper(plan, { log, retryMs }));
    }
    await Promise.all([...this.#channels.values()].map(({ tried }) => tried));
    if (this.#stopped) return;

    this.#sinks = sinks.map((plan, at) =>
      this.#supervise(plan, cells[at]!, () => this.#sinkAssignment(plan, cells[at]!)),
    );
    await triedAll(this.#sinks);
    if (this.#stopped) return;

    const sourceCells = cells.slice(sinks.length);
    this.#sources = sources.map((plan, at) =>
      this.#supervise(plan, sourceCells[at]!, () => this.#sourceAssignment(plan, sourceCells[at]!)),
    );
    await triedAll(this.#sources);
  }

  status(): AgentStatus {
    const metered = ({ plan, supervisor, cells }: Piece): MeteredStatus => ({
      ...supervisor.status(),
      name: plan.name,
      spec: plan.registration.spec,
      config: plan.config,
      channels: 'channel' in plan ? [plan.channel] : [...plan.required, ...plan.optional],
      metrics: readCells(cells),
    });
    return {
      name: this.name,
      startedAtMs: this.#startedAtMs,
      channels: [...this.#channels.values()].map((channel) => channel.status()),
      sinks: this.#sinks.map(metered),
      sources: this.#sources.map(metered),
      removed: { channels: [], sinks: [], sources: [] },
    };
  }

  /** Sources accept nothing more, sinks drain, channels close. Called again it waits for the same end. */
  stop(): Promise<Stopped> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<Stopped> {
    const { drainTimeoutMs = 30_000 } = this.#options;
    const deadline = performance.now() + drainTimeoutMs;
    const stuck: string[] = [];
    const stopAll = (pieces: readonly Piece[], drainMs: number) =>
      Promise.all(
        pieces.map(async ({ supervisor }) => {
          if (!(await supervisor.stop(drainMs))) stuck.push(supervisor.id);
        }),
      );

    await stopAll(this.#sources, drainTimeoutMs / 3);
    await stopAll(this.#sinks, Math.max(0, deadline - performance.now()));
    const losses = await Promise.all(
      [...this.#channels.values()].map(async (keeper) => ({ channel: keeper.id, events: await keeper.close() })),
    );
    return { stuck, lost: losses.filter(({ events }) => events !== 0) };
  }

  #supervise(plan: SinkPlan | SourcePlan, cells: CellRange, assign: () => Assignment): Piece {
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
      assign,
      newOwner,
      reclaim: async (owner) => {
        reclaimOwner(owner);
        settle(metrics, cells);
        await Promise.all([...this.#channels.values()].map((keeper) => keeper.reclaim(owner)));
      },
    };
    return { plan, supervisor: new Supervisor(plan.id, options), cells };
  }

  #sinkAssignment({ id, registration, config, channel }: SinkPlan, metrics: CellRange): Assignment {
    const { lingerMs } = registration.spec;
    const module = registration.module.href;
    return { kind: 'sink', id, module, config, metrics, lingerMs, channel: this.#address(channel) };
  }

  #sourceAssignment({ id, registration, config, ...plan }: SourcePlan, metrics: CellRange): Assignment {
    const { drive } = registration.spec;
    const module = registration.module.href;
    const required = plan.required.map((name) => this.#address(name));
    const optional = plan.optional.map((name) => this.#address(name));
    return { kind: 'source', id, module, config, metrics, drive, required, optional };
  }

  #address(channel: string) {
    return this.#channels.get(channel)!.address;
  }
}

async function triedAll(pieces: readonly Piece[]): Promise<void> {
  await Promise.all(pieces.map(({ supervisor }) => supervisor.tried));
}
