import type { RunningSink, SinkContext } from '@millrace/kernel/component';
import { createSerializer } from '../serializers/serializer.ts';
import { FileSeries } from './file-series.ts';
import type { fileRoll } from './spec.ts';

/** The longest that a timer of Node waits. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export async function open(context: SinkContext<typeof fileRoll>): Promise<RunningSink> {
  const { config } = context;
  const serializer = await createSerializer(config);
  const files = new FileSeries(context, serializer.head);
  const inTurn = takingTurns();

  await inTurn(() => files.roll());
  const stopRolling = repeat(() => inTurn(() => files.roll()), config.rollIntervalSeconds * 1_000);
  return {
    batchSize: config.batchSize,
    deliver: (batch) => inTurn(() => files.append(serializer.encode(batch))),
    close() {
      stopRolling();
      return inTurn(() => files.close());
    },
  };
}

/** A function that begins each action when the one before it has settled. */
function takingTurns(): (act: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  return (act) => {
    last = last.then(act, act);
    return last;
  };
}

/** Calls a function at an interval, or never when that is none, until the function it returns is called. */
function repeat(act: () => void, intervalMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (leftMs: number) => {
    const stepMs = Math.min(leftMs, TIMER_MAX_MS);
    timer = setTimeout(() => {
      if (leftMs === stepMs) act();
      wait(leftMs === stepMs ? intervalMs : leftMs - stepMs);
    }, stepMs);
  };
  if (intervalMs > 0) wait(intervalMs);
  return () => clearTimeout(timer);
}
