import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, nullSink, roomyMemory } from './flow.ts';
import { blast, type Load, type Run, underLoad } from './load.ts';
import { freePort } from './program.ts';

const title = 'syslogtcp and multiport_syslogtcp → memory → null: whole agents beside Flume';
/** Sources, and how each is told its port. */
const types = { syslogtcp: 'port', multiport_syslogtcp: 'ports' } as const;
type Type = keyof typeof types;
const LINE_BYTES = 512;
/** A few seconds for each. */
const runLines: Record<Name, number> = { Millrace: 4_000_000, Flume: 500_000 };
const TIMES_FLUME = 15;

const notes = [
  `One client sends messages of RFC 5424 with ${LINE_BYTES} bytes as fast as they are taken. Processor time is that of the agent, from /proc, from quiet to`,
  'quiet; RSS the median of five samples a second. A run is a number of messages, so that the null sink says when the last of them has',
  'arrived. Both agents run the same configuration; Java is warmed up for 12 s and has a heap of 2 GiB. × compares run by run; above 1 is better',
  'for Millrace.',
];

export async function run({ runs }: Options): Promise<Result | Skipped> {
  const missing = missingFlume('blast');
  if (missing !== undefined) return { title, skipped: missing };

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const type of Object.keys(types) as Type[]) {
    const measured = await measure(type, runs);
    rows.push(...names.map((name) => rowOf(type, name, measured)));
    if (type === 'syslogtcp') {
      const value = times(measured, 'Millrace', eventsPerCpuSecond);
      const what = 'syslogtcp: events per CPU-second beside Flume';
      bars.push({ what, value, at: 'least', limit: TIMES_FLUME, unit: '×' });
    }
    all.push({ type, ...measured });
  }
  return { title, notes, tables: [rows], bars, runs: all };
}

function times(measured: Record<Name, Run[]>, name: Name, figure: (run: Run) => number): number {
  return ratio(measured[name].map(figure), measured.Flume.map(figure));
}

function rowOf(type: Type, name: Name, measured: Record<Name, Run[]>): Row {
  const middle = (figure: (run: Run) => number) => median(measured[name].map(figure));
  return {
    source: type,
    agent: name,
    'events/s': middle(eventsPerSecond),
    '× /s': times(measured, name, eventsPerSecond),
    'CPU s/M events': middle(cpuPerMillion),
    '× per CPU s': times(measured, name, eventsPerCpuSecond),
    'client CPU s/M': middle(({ clientCpuSeconds, events }) => (clientCpuSeconds / events) * 1e6),
    'RSS MiB': middle(({ rssMiB }) => rssMiB),
  };
}

async function measure(type: Type, runs: number): Promise<Record<Name, Run[]>> {
  const agents: Partial<Record<Name, Awaited<ReturnType<typeof start>>>> = {};
  try {
    for (const name of names) agents[name] = await start(type, name);
    for (const name of names) {
      const coldUntilMs = performance.now() + WARM_SECONDS[name] * 1_000;
      while (performance.now() < coldUntilMs) await agents[name]!.load();
    }
    return await inTurns(names, runs, (name) => {
      const { agent, load } = agents[name]!;
      return underLoad(agent, load);
    });
  } finally {
    await Promise.all(Object.values(agents).map(({ agent }) => agent.stop()));
  }
}

/** An agent, and what sends it the lines of a run and waits until the null sink has had them. */
async function start(type: Type, name: Name) {
  const port = await freePort();
  const lines = runLines[name];
  const source = { type, host: '127.0.0.1', [types[type]]: port };
  const agent = new Agent(name, configurationOf({ source, channel: roomyMemory, sink: nullSink(1_000, lines) }));
  await agent.accepting(port);
  let sent = 0;
  const load = async (): Promise<Load> => {
    sent += lines;
    const arrived = agent.nextCount(0);
    const [done, { events }] = await Promise.all([blast('syslog', port, { lines }, LINE_BYTES), arrived]);
    if (events < sent) throw new Error(`${name} lost messages: of ${sent} its sink has had ${events}.`);
    return done;
  };
  return { agent, load };
}
