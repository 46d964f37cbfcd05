import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { availableContenders, type Contender, contenders } from 'millrace/dist/bench/contenders.js';
import { cpuSecondsPerMillion, eventsPerSecond } from 'millrace/dist/bench/figures.js';
import { BODY_BYTES } from 'millrace/dist/bench/load.js';
import { Stage } from 'millrace/dist/bench/stage.js';
import { ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import { flume, inTurns, missingFlume, type Name, names } from '../hops/agent.ts';
import type { Bar, Result } from '../result.ts';

interface Pairing {
  readonly ours: Contender;
  readonly batch: number;
  /** How many events make a run of some seconds in Flume. */
  readonly events: number;
  readonly bars: { readonly eventsPerSecond: number; readonly cpu?: number } | undefined;
}

/** Events that went through a channel. */
interface Went {
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const file = { ours: contenders.file, bars: { eventsPerSecond: 20, cpu: 20 } };
const jdbc = { ours: contenders.jdbc, bars: { eventsPerSecond: 100 } };
const pairings: readonly Pairing[] = [
  { ours: contenders.memory, batch: 100, events: 3_000_000, bars: undefined },
  { ours: contenders.memory, batch: 1000, events: 3_000_000, bars: undefined },
  { ...file, batch: 100, events: 150_000 },
  { ...file, batch: 1000, events: 150_000 },
  { ...jdbc, batch: 100, events: 2_000 },
  { ...jdbc, batch: 1000, events: 4_000 },
];
const RUN_MS = 1_500;
const run = promisify(execFile);

const notes = [
  'Millrace with 16 puts in flight from 4 threads, Flume with the one producer and one consumer of its own bench, since it has one',
  'transaction a thread. Both are warmed up; × compares run by run, and above 1 is better for Millrace. Memory: Flume passes references to',
  'one body, Millrace copies every byte in and reads it.',
];

/** Channels beside those of the real Flume of the same type. */
export async function besideFlume(
  directory: string,
  types: readonly string[] | undefined,
  runs: number,
  signal: AbortSignal,
): Promise<Omit<Result, 'title'>> {
  const missing = missingFlume('channel-bench');
  if (missing !== undefined) return { notes: [`skipped: ${missing}`], tables: [], bars: [], runs: [] };

  await using stage = new Stage(directory, signal);
  const here = pairings.filter(({ ours }) => availableContenders(types).includes(ours));
  for (const ours of new Set(here.map((pairing) => pairing.ours))) await stage.open(ours);

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const pairing of here) {
    const went = await measure(pairing, stage, runs);
    rows.push(...names.map((name) => rowOf(name, pairing, went)));
    bars.push(...barsOf(pairing, went));
    all.push({ channel: pairing.ours.name, batch: pairing.batch, ...went });
    process.stderr.write(`channels: ${pairing.ours.name} beside Flume, batch ${pairing.batch} done\n`);
  }
  return { notes, tables: [rows], bars, runs: all };
}

async function measure({ ours, batch, events }: Pairing, stage: Stage, runs: number): Promise<Record<Name, Went[]>> {
  const load = { batch, putters: 16, atMost: Number.MAX_SAFE_INTEGER } as const;
  await stage.through(ours, { ...load, forMs: RUN_MS / 3 });
  return inTurns<Name, Went>(names, runs, (name) =>
    name === 'Flume'
      ? throughFlume(stage.scratch.directory, ours.type, batch, events)
      : stage.through(ours, { ...load, forMs: RUN_MS }),
  );
}

async function throughFlume(scratch: string, type: string, batch: number, events: number): Promise<Went> {
  const dir = mkdtempSync(join(scratch, 'flume-'));
  const options = { type, batch, events, warmup: events, size: BODY_BYTES, dir };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout } = await run(flume, ['channel-bench', ...args], { cwd: dir });
  rmSync(dir, { recursive: true });
  const line = stdout.split('\n').find((text) => text.startsWith('{"phase":"run"'));
  const said = JSON.parse(line!) as { events: number; seconds: number; cpu_s: number };
  return { events: said.events, seconds: said.seconds, cpuSeconds: said.cpu_s };
}

function rowOf(name: Name, { ours, batch }: Pairing, went: Record<Name, Went[]>): Row {
  const { faster, cheaper } = timesOf(went);
  return {
    channel: ours.name,
    batch,
    agent: name,
    'events/s': eventsPerSecond(went[name]),
    '× /s': name === 'Millrace' ? faster : 1,
    'CPU s/M events': cpuSecondsPerMillion(went[name]),
    '× per CPU s': name === 'Millrace' ? cheaper : 1,
  };
}

function barsOf({ ours, batch, bars }: Pairing, went: Record<Name, Went[]>): Bar[] {
  if (bars === undefined) return [];
  const { faster, cheaper } = timesOf(went);
  const bar = (what: string, value: number, limit: number): Bar => {
    return { what: `${ours.name} channel, batch ${batch}: ${what} beside Flume`, value, at: 'least', limit, unit: '×' };
  };
  return [
    bar('events/s', faster, bars.eventsPerSecond),
    ...(bars.cpu === undefined ? [] : [bar('events per CPU-second', cheaper, bars.cpu)]),
  ];
}

function timesOf(went: Record<Name, Went[]>) {
  const rates = (name: Name) => went[name].map(({ events, seconds }) => events / seconds);
  const perCpu = (name: Name) => went[name].map(({ events, cpuSeconds }) => events / cpuSeconds);
  return {
    faster: ratio(rates('Millrace'), rates('Flume')),
    cheaper: ratio(perCpu('Millrace'), perCpu('Flume')),
  };
}
