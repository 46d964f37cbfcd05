import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, nullSink, type Work } from './flow.ts';

const title = 'seq → memory → null: whole agents beside Flume';
/** Batch sizes of source and sink. A sink that takes single events would measure locks; Flume's default for it is 100. */
const batches = [
  { source: 1, sink: 100 },
  { source: 100, sink: 100 },
  { source: 1000, sink: 1000 },
] as const;
/** How often the sinks say their count: about once a second, because Millrace thins out a line that comes more often. */
const logEvery: Record<Name, Record<number, number>> = {
  Millrace: { 1: 500_000, 100: 5_000_000, 1000: 10_000_000 },
  Flume: { 1: 50_000, 100: 200_000, 1000: 200_000 },
};
const SETTLE_MS = 500;
const WINDOW_MS = 4_000;
/** The batch at which the bar stands, and the bar. */
const BAR = { batch: 1000, times: 3 };

const notes = [
  'Both agents run the same configuration, each alone: the other one is stopped (SIGSTOP) meanwhile. A run is the time between two',
  `lines in which the null sink says its count, at least ${WINDOW_MS / 1_000} s apart; processor time is that of the process between them, from /proc.`,
  'Java is warmed up for 12 s and has a heap of 2 GiB. × compares run by run; above 1 is better for Millrace.',
];

export async function run({ runs }: Pick<Options, 'runs'>): Promise<Result | Skipped> {
  const missing = missingFlume();
  if (missing !== undefined) return { title, skipped: missing };

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const batch of batches) {
    const measured = await measure(batch, runs);
    const times = (figure: (work: Work) => number) => ratio(measured.Millrace.map(figure), measured.Flume.map(figure));
    for (const name of names) {
      const middle = (figure: (work: Work & { rssMiB: number }) => number) => median(measured[name].map(figure));
      rows.push({
        batch: `${batch.source} → ${batch.sink}`,
        agent: name,
        'events/s': middle(eventsPerSecond),
        '× /s': name === 'Millrace' ? times(eventsPerSecond) : 1,
        'CPU s/M events': middle(cpuPerMillion),
        '× per CPU s': name === 'Millrace' ? times(eventsPerCpuSecond) : 1,
        'RSS MiB': middle(({ rssMiB }) => rssMiB),
      });
      all.push({ batch, name, runs: measured[name] });
    }
    if (batch.source === BAR.batch) {
      const what = `seq, batch ${BAR.batch}: events per CPU-second beside Flume`;
      bars.push({ what, value: times(eventsPerCpuSecond), at: 'least', limit: BAR.times, unit: '×' });
    }
    process.stderr.write(`seq: batch ${batch.source} done\n`);
  }
  return { title, notes, tables: [rows], bars, runs: all };
}

async function measure(batch: (typeof batches)[number], runs: number) {
  const agents = { Millrace: await start('Millrace', batch), Flume: await start('Flume', batch) };
  try {
    return await inTurns(names, runs, async (name) => {
      const agent = agents[name];
      agent.resume();
      const from = await agent.nextCount(SETTLE_MS);
      const to = await agent.nextCount(WINDOW_MS);
      const rssMiB = agent.rssMiB();
      agent.pause();
      const work: Work = {
        events: to.events - from.events,
        seconds: (to.atMs - from.atMs) / 1_000,
        cpuSeconds: to.cpuSeconds - from.cpuSeconds,
      };
      return { ...work, rssMiB };
    });
  } finally {
    await Promise.all(names.map((name) => agents[name].stop()));
  }
}

/** An agent that is warm, and stands still. */
async function start(name: Name, batch: (typeof batches)[number]): Promise<Agent> {
  const agent = new Agent(
    name,
    configurationOf({
      source: { type: 'seq', batchSize: batch.source },
      channel: { type: 'memory', capacity: 10_000, transactionCapacity: 1_000 },
      sink: nullSink(batch.sink, logEvery[name][batch.source]!),
    }),
  );
  await agent.nextCount(WARM_SECONDS[name] * 1_000);
  agent.pause();
  return agent;
}
