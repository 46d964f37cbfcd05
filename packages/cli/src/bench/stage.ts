import { join } from 'node:path';
import type { ChannelHost } from '@millrace/kernel/channel';
import { type Contender, openContender } from './contenders.ts';
import { type Backlog, Crew, type Load, type Run } from './crew.ts';
import { bytesOnDisk, dropCache, Scratch, settle } from './scratch.ts';

interface OpenChannel {
  readonly key: number;
  readonly directory: string;
  host: ChannelHost;
}

/** A backlog that was read back, and which part of it came from the disk itself; `NaN` where the system does not say. */
export interface ColdRun extends Run {
  readonly fromDisk: number;
}

/** Open channels, empty between two runs, the threads that use them, and the directory of their files. Disposing leaves nothing behind. */
export class Stage {
  readonly scratch: Scratch;
  readonly #crew = new Crew();
  readonly #channels = new Map<Contender, OpenChannel>();
  readonly #aborted: Promise<never>;

  /** Everything rejects when the signal aborts. */
  constructor(parent: string, signal: AbortSignal) {
    this.scratch = new Scratch(parent);
    this.#aborted = new Promise((_, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort);
    });
    this.#aborted.catch(() => {});
  }

  async open(contender: Contender): Promise<void> {
    const key = this.#channels.size;
    const directory = join(this.scratch.directory, String(key));
    const host = await openContender(contender, directory);
    this.#channels.set(contender, { key, directory, host });
    await this.#crew.connect(key, host.address);
  }

  /** Events go through a channel: putters and takers together. */
  through(contender: Contender, load: Load): Promise<Run> {
    return this.#alone(contender, ({ key }) => this.#crew.through(key, load));
  }

  /** Only puts. The backlog has to be drained before anything else is run on this channel. */
  fill(contender: Contender, load: Load): Promise<Run & Backlog> {
    return this.#alone(contender, ({ key }) => this.#crew.fill(key, load));
  }

  /** Takes a backlog. */
  drain(contender: Contender, backlog: Backlog, batch: number): Promise<Run> {
    return this.#alone(contender, ({ key }) => this.#crew.drain(key, backlog, batch));
  }

  /** Closes a channel, asks the system to forget what it keeps of the files, opens it again and takes the backlog. Opening counts. */
  async drainCold(contender: Contender, backlog: Backlog, batch: number, bytes: number): Promise<ColdRun> {
    const channel = this.#channels.get(contender)!;
    await channel.host.close();
    await dropCache(channel.directory);
    const readBefore = bytesOnDisk('read_bytes');
    const beganMs = performance.now();
    channel.host = await openContender(contender, channel.directory);
    await this.#crew.connect(channel.key, channel.host.address);
    const openedMs = performance.now();
    const run = await this.drain(contender, backlog, batch);
    const fromDisk = (bytesOnDisk('read_bytes') - readBefore) / bytes;
    return { ...run, seconds: run.seconds + (openedMs - beganMs) / 1_000, fromDisk };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crew.close();
    for (const { host } of this.#channels.values()) await host.close();
    this.scratch.remove();
  }

  async #alone<Done>(contender: Contender, work: (channel: OpenChannel) => Promise<Done>): Promise<Done> {
    const channel = this.#channels.get(contender)!;
    const run = await Promise.race([work(channel), this.#aborted]);
    await settle(channel.directory);
    return run;
  }
}
