import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/** What keeps this process's event loop alive, besides what the caller waits for. */
function handles(): string[] {
  return process.getActiveResourcesInfo().sort();
}

/**
 * Notes what is open now, and gives a function that waits until nothing more than that is open, and fails when that does not happen:
 * a server, a connection, a timer, a file that was left behind.
 */
export function watchHandles(): () => Promise<void> {
  const before = handles();
  return async () => {
    for (let tries = 0; tries < 100 && handles().length > before.length; tries += 1) await sleep(20);
    expect(handles()).toEqual(before);
  };
}
