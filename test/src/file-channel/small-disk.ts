import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from './agent.ts';

/** A small disk of its own, mounted in a directory until its scope is left. */
export class SmallDisk implements Disposable {
  readonly path: string;

  constructor(path: string, bytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { stdio: 'pipe' });
  }

  /** Why no disk can be mounted here, if so. */
  static missing(): string | undefined {
    using scratch = scratchDirectory();
    const { error, status, stderr } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', scratch.path], { encoding: 'utf8' });
    if (error !== undefined || status !== 0) return `No disk can be mounted: ${error?.message ?? stderr.trim()}`;
    execFileSync('umount', [scratch.path]);
    return undefined;
  }

  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Takes so much of the space, or all there is. */
  occupy(bytes = Infinity): void {
    const file = openSync(join(this.path, 'ballast'), 'a');
    try {
      const block = Buffer.alloc(4_096, 1);
      for (let left = bytes; left > 0; left -= block.length) writeSync(file, block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what was occupied. */
  vacate(): void {
    rmSync(join(this.path, 'ballast'), { force: true });
  }

  [Symbol.dispose](): void {
    // What still has a file open there keeps it, and nobody else sees it.
    execFileSync('umount', ['--lazy', this.path]);
  }
}
