import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { newOwner, reclaimOwner } from '@millrace/channel-native';
import type { ChannelAddress } from '@millrace/kernel/channel';
import { add } from './load.ts';
import type { ChannelKey, Connection, Share, Stop, Task } from './worker.ts';

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
export interface Run extends Backlog {
  readonly seconds: number;
  /** Processor time of all threads of the process. */
  readonly cpuSeconds: number;
  /** Transactions of those the run is about: puts, or takes where nothing was put. */
  readonly commits: number;
}

const PUTTERS = 4;
const TAKERS = 1;
const POLL_MS = 1;

/** Threads that put into channels and take from them. The same ones for all channels, so that none has warmer code than another. */
export class Crew {
  readonly #workers: readonly Worker[];
  readonly #owners: number[] = [];

  constructor() {
    const file = new URL('./worker.js', import.meta.url);
    this.#workers = Array.from({ length: PUTTERS + TAKERS }, (_, seed) => new Worker(file, { workerData: { seed } }));
  }

  /** Connects all workers to a channel, in place of the one that had this number before. */
  async connect(channel: ChannelKey, address: ChannelAddress): Promise<void> {
    const connections = this.#workers.map(() => ({ channel, address, owner: newOwner() }));
    this.#owners.push(...connections.map(({ owner }) => owner));
    await this.#ask(this.#workers.map((worker, at) => [worker, connections[at]!]));
  }

  /** Puts for some time, takes everything, and checks that it is the same. */
  through(channel: ChannelKey, load: Load): Promise<Run> {
    return timed(async () => {
      const taking = this.#take(channel, load.batch);
      const { sum, events, batches } = await Promise.race([this.#put(channel, load), taking.failed]);
      return { sum, events, commits: batches, endedMs: (await taking.all({ sum, events })).endedMs };
    });
  }

  /** Only puts: what it answers is the backlog that is in the channel then. */
  fill(channel: ChannelKey, load: Load): Promise<Run> {
    return timed(async () => {
      const { batches, ...share } = await this.#put(channel, load);
      return { ...share, commits: batches };
    });
  }

  /** Takes a backlog, and checks that it is what was put. */
  drain(channel: ChannelKey, backlog: Backlog, batch: number): Promise<Run> {
    return timed(async () => {
      const { batches, endedMs } = await this.#take(channel, batch).all(backlog);
      return { ...backlog, commits: batches, endedMs };
    });
  }

  /** Ends the threads. Only after this the channels may be closed. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    for (const owner of this.#owners) reclaimOwner(owner);
  }

  async #put(channel: ChannelKey, { batch, putters: number, forMs, atMost }: Load): Promise<Share> {
    const { threads, inFlight } = putters[number];
    const task = {
      channel,
      role: 'put',
      batch,
      inFlight,
      forMs,
      atMost: Math.floor(atMost / batch / threads),
    } as const;
    const crew = this.#workers.slice(0, threads);
    return together(await this.#ask(crew.map((worker) => [worker, task])));
  }

  /** Starts to take. */
  #take(channel: ChannelKey, batch: number) {
    const tally = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const crew = this.#workers.slice(PUTTERS);
    const shares = this.#ask(crew.map((worker) => [worker, { channel, role: 'take', batch, tally }]));
    const failed = shares.then(() => new Promise<never>(() => {}));
    const all = async ({ events, sum }: Backlog): Promise<Share> => {
      const counted = async () => {
        while (Atomics.load(tally, 0) < events) await sleep(POLL_MS);
      };
      await Promise.race([counted(), failed]);
      for (const worker of crew) worker.postMessage('stop' satisfies Stop);
      const taken = together(await shares);
      if (taken.events === events && taken.sum === sum) return taken;
      throw new Error(
        `The channel is broken: ${events} events with the checksum ${sum} were put, ${taken.events} with ${taken.sum} came out. Please report this.`,
      );
    };
    return { failed, all };
  }

  async #ask(tasks: readonly (readonly [Worker, Task | Connection])[]): Promise<readonly Share[]> {
    const answers = tasks.map(([worker]) => once(worker, 'message'));
    for (const [worker, task] of tasks) worker.postMessage(task);
    return (await Promise.all(answers)).map(([answer]) => answer as Share);
  }
}

function together(shares: readonly Share[]): Share {
  return {
    batches: shares.reduce((all, { batches }) => all + batches, 0),
    events: shares.reduce((all, { events }) => all + events, 0),
    sum: shares.reduce((all, { sum }) => add(all, sum), 0),
    endedMs: Math.max(...shares.map(({ endedMs }) => endedMs)),
  };
}

async function timed(work: () => Promise<Omit<Run, 'seconds' | 'cpuSeconds'> & { endedMs: number }>): Promise<Run> {
  const cpu = process.cpuUsage();
  const beganMs = performance.timeOrigin + performance.now();
  const { endedMs, ...done } = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { ...done, seconds: (endedMs - beganMs) / 1_000, cpuSeconds: (user + system) / 1e6 };
}
