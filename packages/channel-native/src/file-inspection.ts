import type { ExternalObject, FileFailure, FileFinding, FileSegment, FileStatus, VerifiedSegment } from '#native';
import { addon } from './addon.ts';
import { Batch } from './batch.ts';
import { ChannelError } from './error.ts';

export type { FileFinding, FileSegment, FileStatus, VerifiedSegment };

/** The directories of a file channel that nobody has open. */
export interface FileDirectories {
  /** Those of the log. */
  readonly data: readonly string[];
  /** Those with checkpoints; without any everything works, and takes longer. */
  readonly checkpoints: readonly string[];
}

/** Who has the channel of a directory open, if anybody has, such as `process 4711 since …`. Throws `MR_DISK` when it cannot be found out. */
export function holderOf(directory: string): string | undefined {
  return addon.holderOf(directory) ?? undefined;
}

/** What is in each data directory, without reading more than the next opening will. Rejects with what opening would refuse with. */
export async function inspectFiles({ data, checkpoints }: FileDirectories): Promise<FileStatus[]> {
  return answer(await addon.inspectFiles([...data], [...checkpoints]));
}

/** What was compared so far. */
export interface VerifyProgress extends Omit<VerifiedSegment, 'done'> {
  /** Bytes that are read in all. */
  readonly bytesInAll: number;
}

/** Compares every byte, segment by segment. Rejects with what opening would refuse with. */
export async function* verifyFiles({ data, checkpoints }: FileDirectories): AsyncGenerator<VerifyProgress> {
  const handle = answer(await addon.verifyFiles([...data], [...checkpoints]));
  const bytesInAll = addon.bytesToVerify(handle);
  for (;;) {
    const { done, ...segment } = answer(await addon.verifyNext(handle));
    if (done) return;
    yield { ...segment, bytesInAll };
  }
}

/** Events that are read from files, about a megabyte at a time. */
export class FileDump implements AsyncIterable<Batch> {
  readonly #directories: FileDirectories;
  readonly #all: boolean;
  #handle: ExternalObject<unknown> | undefined;

  /** Of what is queued, in order; or of `all` that is still in the files. */
  constructor(directories: FileDirectories, { all = false }: { readonly all?: boolean | undefined } = {}) {
    this.#directories = directories;
    this.#all = all;
  }

  /** Rejects with what opening would refuse with. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    const { data, checkpoints } = this.#directories;
    const handle = answer(await addon.dumpFiles([...data], [...checkpoints], this.#all));
    this.#handle = handle;
    for (;;) {
      const { memory, events, bytes } = answer(await addon.dumpNext(handle));
      if (events === 0) return;
      yield new Batch(memory, { base: 0, size: memory.length, first: 0, length: events, start: 0, end: bytes });
    }
  }

  /** What could not be read so far. */
  findings(): FileFinding[] {
    return this.#handle === undefined ? [] : addon.dumpFindings(this.#handle);
  }
}

/** The mending of directories, in stages of which each is planned when the one before is done. */
export class FileRepair implements Disposable {
  readonly #handle: ExternalObject<unknown>;

  private constructor(handle: ExternalObject<unknown>) {
    this.#handle = handle;
  }

  /** Plans the first stage. Only with `toApply` it can be done; then the directories are locked until `close`. */
  static async plan(
    { data, checkpoints }: FileDirectories,
    { toApply }: { readonly toApply: boolean },
  ): Promise<FileRepair> {
    return new FileRepair(answer(await addon.repairFiles([...data], [...checkpoints], toApply)));
  }

  /** What is to be done next, in sentences; nothing when all is well. */
  steps(): string[] {
    return addon.repairSteps(this.#handle);
  }

  /** Whether nothing more can come when that is done. */
  isLast(): boolean {
    return addon.repairIsLast(this.#handle);
  }

  /** Does that. Whether there may be more. */
  async apply(): Promise<boolean> {
    return answer(await addon.repairNext(this.#handle));
  }

  /** Lets the directories go. */
  close(): void {
    addon.endRepair(this.#handle);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function answer<T>(outcome: T | FileFailure): T {
  if (typeof outcome === 'object' && outcome !== null && 'code' in outcome && 'message' in outcome) {
    const { code, message } = outcome as FileFailure;
    throw new ChannelError(code, message);
  }
  return outcome as T;
}
