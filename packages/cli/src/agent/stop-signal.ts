/** The same key press can arrive twice: from the terminal, and from npm or another parent that passes signals on. */
const SAME_KEY_PRESS_MS = 300;

const exitCodeOf = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A signal that aborts when the process is asked for an orderly stop, by Ctrl-C, SIGTERM, or the end of its terminal; `onStop` is told by which. From then on
 * a second one ends the process at once, which loses nothing that is in a durable channel.
 */
export function stopSignal(onStop: (signal: NodeJS.Signals) => void): AbortSignal {
  const stop = new AbortController();
  let firstAt = 0;
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!stop.signal.aborted) {
        firstAt = performance.now();
        onStop(signal);
        stop.abort();
      } else if (performance.now() - firstAt > SAME_KEY_PRESS_MS) {
        // `exit` waits for the threads; should one never end, a third signal finds no handler, and kills.
        process.removeAllListeners(signal);
        process.exit(exitCodeOf[signal]);
      }
    });
  }
  return stop.signal;
}
