import { join } from 'node:path';
import type { SinkContext } from '@millrace/kernel/component';
import { DurableFile } from './durable-file.ts';
import { fileNames } from './file-names.ts';
import type { fileRoll } from './spec.ts';

/** The files of a sink, of which one is open at a time. No two calls may overlap. */
export class FileSeries {
  readonly #context: SinkContext<typeof fileRoll>;
  readonly #head: Uint8Array;
  readonly #nextName: () => string;
  #file: DurableFile | undefined;

  /** Every file begins with `head`. */
  constructor(context: SinkContext<typeof fileRoll>, head: Uint8Array) {
    this.#context = context;
    this.#head = head;
    this.#nextName = fileNames(context.config);
  }

  /** Resolves when the bytes are on the disk. Rejects with what to do; the next call goes on in another file. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#file ??= await this.#begin();
    const { path } = this.#file;
    try {
      await this.#file.append(bytes);
    } catch (error) {
      await this.#giveUp(this.#file);
      throw explained(error, path);
    }
  }

  /** Ends the open file and begins the next. */
  async roll(): Promise<void> {
    try {
      await this.close();
      this.#file = await this.#begin();
    } catch (error) {
      this.#context.log.error({ error }, 'There is no file to write to; the next delivery tries again.');
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    await file.close();
    this.#context.metrics.closed.add(1);
  }

  async #begin(): Promise<DurableFile> {
    const { config, metrics } = this.#context;
    for (;;) {
      const path = join(config.directory, this.#nextName());
      try {
        const file = await DurableFile.create(path, this.#head);
        metrics.opened.add(1);
        return file;
      } catch (error) {
        // Two sinks may start in one millisecond, and one may start twice in a second; neither may overwrite what is there.
        if (codeOf(error) === 'EEXIST') continue;
        metrics.failed.add(1);
        throw explained(error, path);
      }
    }
  }

  async #giveUp(file: DurableFile): Promise<void> {
    const { metrics, log } = this.#context;
    this.#file = undefined;
    metrics.failed.add(1);
    try {
      await file.giveUp();
    } catch (error) {
      log.warn({ error, file: file.path }, 'The file may end with events that come again in the next one.');
    }
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'create the directory',
  ENOTDIR: 'name a directory in sink.directory',
  EACCES: 'let the user of the agent write to the directory',
  EROFS: 'name a directory in sink.directory that can be written to',
  ENOSPC: 'make room on the disk',
  EDQUOT: 'make room in the quota of the user of the agent',
};

function explained(error: unknown, path: string): Error {
  const remedy = remedies[codeOf(error) ?? ''] ?? 'see whether the directory and its disk are in order';
  return new Error(`Cannot write to ${path} (${(error as Error).message}): ${remedy}.`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
