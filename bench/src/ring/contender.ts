import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

/** One way to bring events from here to there. */
export interface Contender {
  readonly name: string;
  /** Brings that many batches over, checks that they are the ones that were sent, and says how long it took. */
  run(batches: number): Promise<Timing>;
  close(): Promise<void>;
}

export interface Timing {
  readonly seconds: number;
  /** Processor time of all threads. */
  readonly cpuSeconds: number;
}

/** What a worker answers when its share is done: the sum of the checksums it has put or taken; 0 where none are made. */
export interface Share {
  readonly sum: number;
}

/** What the shape of a contest is: how many events in a batch, how many putters and as many takers. */
export interface Shape {
  readonly events: number;
  readonly pairs: number;
}

/** Worker threads that each do an equal share of every run. */
export class Crew {
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  static async start(workers: readonly Worker[]): Promise<Crew> {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    return new Crew(workers);
  }

  /** Gives every worker its share, and waits for their answers. */
  async run(share: number): Promise<{ timing: Timing; answers: readonly Share[] }> {
    const done = this.#workers.map((worker) => once(worker, 'message'));
    const { timing, value } = await timed(() => {
      for (const worker of this.#workers) worker.postMessage(share);
      return Promise.all(done);
    });
    return { timing, answers: value.map(([answer]) => answer as Share) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

export async function timed<Value>(work: () => Promise<Value> | Value): Promise<{ timing: Timing; value: Value }> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const value = await work();
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { timing: { seconds, cpuSeconds: (user + system) / 1e6 }, value };
}

/** Throws when what arrived is not what was sent. */
export function mustBeEqual(name: string, sent: number, arrived: number): void {
  if (sent !== arrived) throw new Error(`${name}: checksums of ${sent} were sent and of ${arrived} arrived.`);
}
