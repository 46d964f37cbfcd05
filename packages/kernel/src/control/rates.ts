import type { ChannelStatus } from '../agent/channel-keeper.ts';
import type { AgentStatus, MeteredStatus } from '../agent.ts';

/** How often figures are noted. */
const SAMPLE_MS = 1_000;
/** How many seconds a rate looks back. */
const SAMPLES = 10;

type Figures = Readonly<Record<string, number>>;

interface Sample {
  readonly atMs: number;
  readonly figuresOf: ReadonlyMap<string, { readonly startedAtMs: number; readonly figures: Figures }>;
}

/** How fast an agent's figures have grown lately. */
export class Rates {
  readonly #status: () => AgentStatus;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  /** Notes the figures every second until it is closed. */
  constructor(status: () => AgentStatus) {
    this.#status = status;
    this.#timer = setInterval(() => this.#note(), SAMPLE_MS).unref();
  }

  /** What a component's figure grows by in a second. */
  perSecond({ id, startedAtMs, figures }: { id: string; startedAtMs: number; figures: Figures }, key: string): number {
    const nowMs = Date.now();
    // Whoever has been noted for less long began in that time, and is measured from there.
    const then = this.#samples.length < SAMPLES ? undefined : this.#samples[0];
    const earlier = then?.figuresOf.get(id);
    const same = then !== undefined && earlier?.startedAtMs === startedAtMs;
    const elapsedMs = nowMs - (same ? then.atMs : startedAtMs);
    const grown = (figures[key] ?? 0) - (same ? (earlier?.figures[key] ?? 0) : 0);
    return startedAtMs === 0 || elapsedMs <= 0 ? 0 : (grown / elapsedMs) * 1_000;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #note(): void {
    const { sources, channels, sinks } = this.#status();
    const figuresOf = new Map(
      [...sources, ...channels, ...sinks].map((status) => [
        status.id,
        { startedAtMs: status.startedAtMs, figures: figuresOfStatus(status) },
      ]),
    );
    this.#samples.push({ atMs: Date.now(), figuresOf });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }
}

/** The figures of any component. */
export function figuresOfStatus(status: ChannelStatus | MeteredStatus): Figures {
  return 'counters' in status ? status.counters : status.metrics;
}
