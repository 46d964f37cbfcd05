import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Kinds of file systems that are no disk, as `statfs` numbers them: tmpfs and ramfs. */
const inMemory = [0x01021994, 0x858458f6];
const NEEDED_BYTES = 2 * 2 ** 30;
/** A process that writes nothing for so long is quiet; one that is not in time will not be. */
const QUIET_MS = 20;
const QUIET_WITHIN_MS = 500;

/** A directory to measure in that is gone when the process is. */
export class Scratch {
  readonly directory: string;
  /** Where it stands. */
  readonly parent: string;
  /** Whether it lies in memory, where a sync costs nothing. */
  readonly inMemory: boolean;

  /** Throws, with what to do, when there is no room. */
  constructor(parent: string) {
    this.parent = resolve(parent);
    try {
      const { type, bavail, bsize } = statfsSync(parent);
      const free = bavail * bsize;
      if (free < NEEDED_BYTES)
        throw new Error(`${mebibytes(free)} MiB are free, and ${mebibytes(NEEDED_BYTES)} needed`);
      this.inMemory = inMemory.includes(type);
      this.directory = mkdtempSync(join(this.parent, 'millrace-bench-'));
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new Error(`Nothing can be measured in ${this.parent} (${reason}): name another directory with --dir.`, {
        cause,
      });
    }
    process.on('exit', this.#remove);
  }

  remove(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = () => rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
}

const mebibytes = (bytes: number) => Math.floor(bytes / 2 ** 20);
const run = promisify(execFile);

/** Lets the disk finish with what earlier runs have written to a directory, so that the next has it for itself. */
export async function settle(directory: string): Promise<void> {
  // In another process: closing a file here would give up the locks that a channel of this process has on it.
  await run('sync', ['--data', ...filesIn(directory)]).catch(() => {});
  // Channels prepare files in the background.
  for (let waited = 0, before = NaN; waited < QUIET_WITHIN_MS; waited += QUIET_MS) {
    const written = bytesOnDisk('write_bytes');
    if (written === before || Number.isNaN(written)) return;
    before = written;
    await sleep(QUIET_MS);
  }
}

/** Asks the system to forget what it keeps of the files of a directory. */
export async function dropCache(directory: string): Promise<void> {
  await settle(directory);
  const drops = filesIn(directory).map((file) => run('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']));
  await Promise.allSettled(drops);
}

/** What this process has really read from disks so far, or written; `NaN` where the system does not say. */
export function bytesOnDisk(which: 'read_bytes' | 'write_bytes'): number {
  try {
    return Number(new RegExp(`^${which}: (\\d+)$`, 'm').exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return NaN;
  }
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
