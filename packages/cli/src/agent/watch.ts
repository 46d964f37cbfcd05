import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A file that is being written is looked at again so often, until two looks find it the same. */
const SETTLE_MS = 250;
/** A file that never comes to rest is read after so many looks. */
const LOOKS_MAX = 40;

/** When files were last written. */
export type WrittenAt = ReadonlyMap<string, number>;

export interface WatchOptions {
  /** What was seen before the files were read, so that no change is missed. */
  readonly since: WrittenAt;
  readonly everyMs: number;
  readonly settleMs?: number;
}

/** When each file was last written; 0 for one that is not there, or that cannot be looked at now. */
export function writtenAt(files: Iterable<string>): WrittenAt {
  return new Map([...files].map((file) => [file, modified(file)]));
}

function modified(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

/**
 * Looks at files every so often and calls `onChange` with the first that was written since, each time that one was. A file that is gone counts as
 * unchanged, for many programs replace a file by removing it first. Returns what ends the watch.
 */
export function watchForChange(options: WatchOptions, onChange: (file: string) => void): () => void {
  const end = new AbortController();
  watch(options, onChange, end.signal).catch(() => {}); // ended in a pause
  return () => end.abort();
}

async function watch(
  { since, everyMs, settleMs = SETTLE_MS }: WatchOptions,
  onChange: (file: string) => void,
  signal: AbortSignal,
): Promise<never> {
  const seen = new Map(since);
  const files = [...since.keys()];
  for (;;) {
    await sleep(everyMs, undefined, { signal, ref: false });
    let now = writtenAt(files);
    if (!files.some((file) => now.get(file)! > seen.get(file)!)) continue;
    // Half a configuration may well be one without mistakes.
    for (let looks = 0, resting = false; !resting && looks < LOOKS_MAX; looks += 1) {
      await sleep(settleMs, undefined, { signal, ref: false });
      const before = now;
      now = writtenAt(files);
      resting = files.every((file) => now.get(file) === before.get(file));
    }
    const changed = files.find((file) => now.get(file)! > seen.get(file)!);
    for (const [file, at] of now) seen.set(file, Math.max(at, seen.get(file)!));
    if (changed !== undefined) onChange(changed);
  }
}
