import { closeSync, openSync } from 'node:fs';

/** The same key press can arrive twice: from the terminal, and from npm or another parent that passes signals on. */
const SAME_KEY_PRESS_MS = 300;

const exitCodeOf = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** An orderly stop that somebody may ask for. */
export interface StopSignal {
  readonly signal: AbortSignal;
  /** Asks for it, with a word for the log about what does; afterwards it changes nothing. */
  readonly stop: (reason: string) => void;
}

/**
 * A signal that aborts when the process is asked for an orderly stop, by Ctrl-C, SIGTERM, or the end of its terminal; `onStop` is told by which. From then on
 * a second one ends the process at once, which loses nothing that is in a durable channel. A SIGHUP that is not the end of a terminal asks for `onReload`,
 * where there is one.
 */
export function stopSignal(onStop: (reason: string) => void, onReload?: () => void): StopSignal {
  const stop = new AbortController();
  const hadTerminal = hasTerminal();
  let firstAt = 0;
  const begin = (reason: string) => {
    if (stop.signal.aborted) return;
    firstAt = performance.now();
    onStop(reason);
    stop.abort();
  };
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && onReload !== undefined && hadTerminal === hasTerminal()) onReload();
      else if (!stop.signal.aborted) begin(signal);
      else if (performance.now() - firstAt > SAME_KEY_PRESS_MS) {
        // `exit` waits for the threads; should one never end, a third signal finds no handler, and kills.
        process.removeAllListeners(signal);
        process.exit(exitCodeOf[signal]);
      }
    });
  }
  return { signal: stop.signal, stop: begin };
}

/** Whether the process belongs to a terminal that has not hung up. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
