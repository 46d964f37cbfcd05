import { setTimeout as sleep } from 'node:timers/promises';
import { median } from 'millrace/dist/bench/stats.js';
import type { Options } from '../options.ts';
import type { Result } from '../result.ts';
import { Agent, inTurns, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerSecond, nullSink, type Work } from './flow.ts';
import { freePort } from './program.ts';

const title = 'seq → memory → null, with somebody who asks for the metrics';
const BATCH = 100;
/** About once a second, because a line that comes more often is thinned out. */
const LOG_EVERY = 5_000_000;
const WINDOW_MS = 6_000;
const EVERY_MS = 1_000;
const askers = ['asked', 'left alone'] as const;
const BAR_PERCENT = 1;

const notes = [
  `One agent as busy as it can be, with batches of ${BATCH}: in turns its metrics are asked for every second, at /metrics and at /metrics/prometheus,`,
  `and left alone. A run is the time between two lines in which the null sink says its count, at least ${WINDOW_MS / 1_000} s apart; processor time is that`,
  'of the process between them, from /proc. All that is done for the metrics is done by the main thread, which has nothing else to do then.',
];

interface Window extends Work {
  readonly mainThreadSeconds: number;
}

export async function run({ runs }: Pick<Options, 'runs'>): Promise<Result> {
  const port = await freePort();
  const agent = new Agent(
    'Millrace',
    configurationOf({
      source: { type: 'seq', batchSize: BATCH },
      channel: { type: 'memory', capacity: 10_000, transactionCapacity: 1_000 },
      sink: nullSink(BATCH, LOG_EVERY),
    }),
    ['-Dflume.monitoring.type=http', `-Dflume.monitoring.port=${port}`],
  );
  try {
    await agent.nextCount(WARM_SECONDS.Millrace * 1_000);
    const measured = await inTurns(askers, runs, (asker) => window(agent, asker === 'asked' ? port : undefined));
    const share = (asker: (typeof askers)[number]) => median(measured[asker].map(mainThreadPercent));
    const rows = askers.map((asker) => ({
      metrics: asker,
      'events/s': median(measured[asker].map(eventsPerSecond)),
      'CPU s/M events': median(measured[asker].map(cpuPerMillion)),
      'main thread %': share(asker),
    }));
    const what = 'metrics asked for every second: their part of the processor time';
    const value = share('asked') - share('left alone');
    const bars = [{ what, value, at: 'most', limit: BAR_PERCENT, unit: ' %' } as const];
    return { title, notes, tables: [rows], bars, runs: [measured] };
  } finally {
    await agent.stop();
  }
}

const mainThreadPercent = ({ mainThreadSeconds, cpuSeconds }: Window) => (mainThreadSeconds / cpuSeconds) * 100;

/** What the agent does in some seconds, in which the metrics at a port are asked for or not. */
async function window(agent: Agent, port: number | undefined): Promise<Window> {
  const over = new AbortController();
  const asking = port === undefined ? undefined : ask(port, over.signal);
  const from = await agent.nextCount(0);
  const mainFrom = agent.mainThreadSeconds();
  const to = await agent.nextCount(WINDOW_MS);
  const mainThreadSeconds = agent.mainThreadSeconds() - mainFrom;
  over.abort();
  await asking;
  return {
    events: to.events - from.events,
    seconds: (to.atMs - from.atMs) / 1_000,
    cpuSeconds: to.cpuSeconds - from.cpuSeconds,
    mainThreadSeconds,
  };
}

async function ask(port: number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    for (const path of ['/metrics', '/metrics/prometheus'])
      await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    await sleep(EVERY_MS, undefined, { signal: over }).catch(() => {});
  }
}
