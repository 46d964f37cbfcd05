import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { newOwner, reclaimOwner } from '@millrace/channel-native';
import type { ChannelAddress } from '@millrace/kernel/channel';
import { add } from './load.ts';
import type { ChannelKey, Connection, Order, Share, Task } from './worker.ts';

/** Puts in flight, and how they come about: so many from each of so many threads. */
export const putters = {
  1: { threads: 1, inFlight: 1 },
  4: { threads: 1, inFlight: 4 },
  16: { threads: 4, inFlight: 4 },
} as const;

/** How many puts are in flight at a time. */
export type Putters = keyof typeof putters;

/** What goes through a channel in one run. */
export interface Load {
  readonly batch: number;
  readonly putters: Putters;
  readonly forMs: number;
  /** No more events than that, whatever the time. */
  readonly atMost: number;
}

/** Events that are in a channel, and the sum of their checksums. */
export interface Backlog {
  readonly events: number;
  readonly sum: number;
}

/** What one run did, in which time, at which cost. */
export interface Run {
  readonly events: number;
  /** Transactions of those the run is about: puts, or takes where nothing was put. */
  readonly commits: number;
  readonly seconds: number;
  /** Processor time of all threads of the process. */
  readonly cpuSeconds: number;
}

const THREADS = 4;
const POLL_MS = 1;
/** Takes that cannot keep up with puts are waited for so many times as long as was put; what is left then does not count. */
const PATIENCE = 3;

/** Threads that put into channels, and one that takes. The same ones for all channels, so that none has warmer code than another. */
export class Crew {
  readonly #putters = Array.from({ length: THREADS }, (_, seed) => startWorker(seed));
  readonly #taker = startWorker(THREADS);
  readonly #owners: number[] = [];

  /** Connects all threads to a channel, in place of the one that had this number before. */
  async connect(channel: ChannelKey, address: ChannelAddress): Promise<void> {
    await Promise.all(
      [...this.#putters, this.#taker].map((worker) => {
        const owner = newOwner();
        this.#owners.push(owner);
        return ask(worker, { channel, address, owner });
      }),
    );
  }

  /** Puts for some time while it takes, and checks that what comes out is the same. */
  async through(channel: ChannelKey, load: Load): Promise<Run> {
    const clock = new Clock();
    const taking = this.#take(channel, load.batch);
    const { batches, ...backlog } = await Promise.race([this.#put(channel, load), taking.failed]);
    const events = await taking.reach(backlog.events, clock.beganMs + PATIENCE * load.forMs);
    const atMs = nowMs();
    const cpuSeconds = clock.cpuSeconds();
    const { endedMs } = await taking.end(backlog);
    if (events === backlog.events) return { events, commits: batches, seconds: clock.secondsTo(endedMs), cpuSeconds };
    return { events, commits: events / load.batch, seconds: clock.secondsTo(atMs), cpuSeconds };
  }

  /** Only puts, and leaves the backlog in the channel. */
  async fill(channel: ChannelKey, load: Load): Promise<Run & Backlog> {
    const clock = new Clock();
    const { batches, endedMs, ...backlog } = await this.#put(channel, load);
    return { ...backlog, commits: batches, seconds: clock.secondsTo(endedMs), cpuSeconds: clock.cpuSeconds() };
  }

  /** Takes a backlog, and checks that it is what was put. */
  async drain(channel: ChannelKey, backlog: Backlog, batch: number): Promise<Run> {
    const clock = new Clock();
    const taking = this.#take(channel, batch);
    await taking.reach(backlog.events, Infinity);
    const { events, batches, endedMs } = await taking.end(backlog);
    return { events, commits: batches, seconds: clock.secondsTo(endedMs), cpuSeconds: clock.cpuSeconds() };
  }

  /** Ends the threads. Only after this the channels may be closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#putters, this.#taker].map((worker) => worker.terminate()));
    for (const owner of this.#owners) reclaimOwner(owner);
  }

  async #put(channel: ChannelKey, { batch, putters: number, forMs, atMost }: Load): Promise<Share> {
    const { threads, inFlight } = putters[number];
    const task: Task = { channel, role: 'put', batch, inFlight, forMs, atMost: Math.floor(atMost / batch / threads) };
    const shares = await Promise.all(this.#putters.slice(0, threads).map((worker) => ask(worker, task)));
    return {
      batches: shares.reduce((all, { batches }) => all + batches, 0),
      events: shares.reduce((all, { events }) => all + events, 0),
      sum: shares.reduce((all, { sum }) => add(all, sum), 0),
      endedMs: Math.max(...shares.map(({ endedMs }) => endedMs)),
    };
  }

  /** Starts to take. */
  #take(channel: ChannelKey, batch: number) {
    const tally = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const share = ask(this.#taker, { channel, role: 'take', batch, tally });
    const failed = share.then(() => new Promise<never>(() => {}));
    const counted = async (events: number, untilMs: number) => {
      while (Atomics.load(tally, 0) < events && nowMs() < untilMs) await sleep(POLL_MS);
      return Atomics.load(tally, 0);
    };
    return {
      /** Rejects when taking does. */
      failed,
      /** Waits for so many events, but not for ever; says how many there were. */
      reach: (events: number, untilMs: number) => Promise.race([counted(events, untilMs), failed]),
      /** Takes what is left, and checks everything. */
      end: async ({ events, sum }: Backlog): Promise<Share> => {
        this.#taker.postMessage('hurry' satisfies Order);
        await Promise.race([counted(events, Infinity), failed]);
        this.#taker.postMessage('stop' satisfies Order);
        const taken = await share;
        if (taken.events === events && taken.sum === sum) return taken;
        throw new Error(
          `The channel is broken: ${events} events with the checksum ${sum} were put, ${taken.events} with ${taken.sum} came out. Please report this.`,
        );
      },
    };
  }
}

/** What has passed since it was made. */
class Clock {
  readonly beganMs = nowMs();
  readonly #cpu = process.cpuUsage();

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return (user + system) / 1e6;
  }

  secondsTo(atMs: number): number {
    return (atMs - this.beganMs) / 1_000;
  }
}

function startWorker(seed: number): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), { workerData: { seed } });
}

/** Gives a worker something to do; rejects when it dies of it. */
async function ask(worker: Worker, task: Task | Connection): Promise<Share> {
  const answer = once(worker, 'message');
  worker.postMessage(task);
  return (await answer)[0];
}

/** The time on the clock that all threads of the process share. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
