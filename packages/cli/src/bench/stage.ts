import { join } from 'node:path';
import type { ChannelHost } from '@millrace/kernel/channel';
import { type Contender, openContender } from './contenders.ts';
import { type Access, type Backlog, Crew, type Load, type Run } from './crew.ts';
import { bytesReadFromDisk, dropCache, Scratch, settle } from './scratch.ts';

interface OpenChannel {
  readonly host: ChannelHost;
  readonly access: Access;
  readonly directory: string;
}

/** A backlog that was read back, and which part of it came from the disk itself; unknown where the system does not say. */
export interface ColdRun extends Run {
  readonly fromDisk: number | undefined;
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
    const directory = join(this.scratch.directory, String(this.#channels.size));
    const host = await openContender(contender, directory);
    this.#channels.set(contender, { host, directory, access: [] });
    this.#channels.set(contender, { host, directory, access: await this.#crew.connect(host.address) });
  }

  /** Events go through a channel: putters and takers together. */
  through(contender: Contender, load: Load): Promise<Run> {
    return this.#alone(contender, ({ access }) => this.#crew.through(access, load));
  }

  /** Only puts. The backlog has to be drained before anything else is run on this channel. */
  fill(contender: Contender, load: Load): Promise<Run> {
    return this.#alone(contender, ({ access }) => this.#crew.fill(access, load));
  }

  /** Takes a backlog. */
  drain(contender: Contender, backlog: Backlog, batch: number): Promise<Run> {
    return this.#alone(contender, ({ access }) => this.#crew.drain(access, backlog, batch));
  }

  /** Takes a backlog after the system was asked to forget what it keeps of the files. */
  async drainCold(contender: Contender, backlog: Backlog, batch: number, bytes: number): Promise<ColdRun> {
    await dropCache(this.#channels.get(contender)!.directory);
    const before = bytesReadFromDisk();
    const run = await this.drain(contender, backlog, batch);
    const after = bytesReadFromDisk();
    return { ...run, fromDisk: before === undefined || after === undefined ? undefined : (after - before) / bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crew.close();
    for (const { host } of this.#channels.values()) await host.close();
    this.scratch.remove();
  }

  async #alone(contender: Contender, work: (channel: OpenChannel) => Promise<Run>): Promise<Run> {
    const channel = this.#channels.get(contender)!;
    const run = await Promise.race([work(channel), this.#aborted]);
    await settle(channel.directory);
    return run;
  }
}
