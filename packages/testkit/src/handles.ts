import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/** What keeps this process's event loop alive, besides what is in `allowed`. */
function handlesBeyond(allowed: readonly string[]): string[] {
  const left = [...allowed];
  return process.getActiveResourcesInfo().filter((handle) => {
    const at = left.indexOf(handle);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/**
 * Notes what is open now, and gives a function that waits until nothing more than that is open, and fails when that does not happen:
 * a server, a connection, a timer, a file that was left behind.
 */
export function watchHandles(): () => Promise<void> {
  const before = process.getActiveResourcesInfo();
  return async () => {
    for (let tries = 0; tries < 100 && handlesBeyond(before).length > 0; tries += 1) await sleep(20);
    expect(handlesBeyond(before)).toEqual([]);
  };
}
