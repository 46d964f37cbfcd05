import { statSync } from 'node:fs';

/**
 * Looks at files every so often and calls `onChange` once, with the first that was written since. A file that is gone counts as
 * unchanged, for many programs replace a file by removing it first. Returns what ends the watch.
 */
export function watchForChange(
  files: readonly string[],
  everyMs: number,
  onChange: (file: string) => void,
): () => void {
  const before = new Map(files.map((file) => [file, modified(file)]));
  const timer = setInterval(() => {
    const changed = files.find((file) => modified(file) > (before.get(file) ?? 0));
    if (changed === undefined) return;
    clearInterval(timer);
    onChange(changed);
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
