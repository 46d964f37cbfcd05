/** How a host is chosen for each request. */
export type HostSelector = 'round_robin' | 'random';

export interface BalanceOptions {
  /** Default `round_robin`. */
  readonly hostSelector?: HostSelector;
  /** Leaves out a host that has failed, for two seconds the first time and twice as long each further time. Default false. */
  readonly backoff?: boolean;
  /** The longest that it is left out, in milliseconds. Default 30,000. */
  readonly maxBackoffMs?: number;
}

/** The longest that a host is left out, unless it is said otherwise. */
export const MAX_BACKOFF_MS = 30_000;
/** Failures beyond which the time does not grow. */
const FAILURES_MAX = 16;
/** So long after its time was over, a host's failures are forgotten. */
const MEMORY_MS = 3_600_000;

interface Penalty {
  readonly failures: number;
  readonly lastMs: number;
  readonly untilMs: number;
}

/** The orders in which hosts are tried, as those of Flume's load balancing. `now` is a clock in milliseconds. */
export class HostOrder<Host> {
  readonly #hosts: readonly Host[];
  readonly #random: boolean;
  readonly #backoff: boolean;
  readonly #maxMs: number;
  readonly #now: () => number;
  readonly #penalties = new Map<Host, Penalty>();
  #head = 0;

  constructor(hosts: readonly Host[], options: BalanceOptions, now = () => performance.now()) {
    const { hostSelector = 'round_robin', backoff = false, maxBackoffMs = MAX_BACKOFF_MS } = options;
    this.#hosts = hosts;
    this.#random = hostSelector === 'random';
    this.#backoff = backoff;
    this.#maxMs = maxBackoffMs;
    this.#now = now;
  }

  /** The hosts to try for one request, the best first; none when all are left out. */
  next(): Host[] {
    const nowMs = this.#now();
    const eligible = this.#hosts.filter((host) => !((this.#penalties.get(host)?.untilMs ?? -1) >= nowMs));
    return this.#random ? shuffled(eligible) : this.#rotated(eligible);
  }

  /** Says that a host has failed. */
  failed(host: Host): void {
    if (!this.#backoff) return;
    const nowMs = this.#now();
    const { failures, lastMs } = this.#penalties.get(host) ?? { failures: 0, lastMs: Number.NEGATIVE_INFINITY };
    const remembered = nowMs - lastMs < this.#lengthMs(failures) + MEMORY_MS;
    const more = remembered ? Math.min(failures + 1, FAILURES_MAX) : 1;
    this.#penalties.set(host, { failures: more, lastMs: nowMs, untilMs: nowMs + this.#lengthMs(more) });
  }

  #lengthMs(failures: number): number {
    return Math.min(this.#maxMs, 1_000 * 2 ** failures);
  }

  #rotated(hosts: Host[]): Host[] {
    if (this.#head >= hosts.length) this.#head = 0;
    const order = [...hosts.slice(this.#head), ...hosts.slice(0, this.#head)];
    this.#head = hosts.length === 0 ? 0 : (this.#head + 1) % hosts.length;
    return order;
  }
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
