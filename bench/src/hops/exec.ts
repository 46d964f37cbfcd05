import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, nullSink, roomyMemory } from './flow.ts';
import { type Load, type Run, underLoad } from './load.ts';

const title = 'exec → memory → null: whole agents beside Flume';
const LINE_BYTES = 512;
const FILE_LINES = 100_000;
/** How often the file is written for one run: a few seconds for each. */
const files: Record<Name, number> = { Millrace: 40, Flume: 20 };
/** Flume's default, and what serves it better. */
const batches = [20, 1_000];
const TIMES_FLUME = 4;

const notes = [
  `The command is a shell that waits for a word, and then writes a file of ${FILE_LINES} lines of ${LINE_BYTES} bytes several times with cat. Processor time is that of the`,
  'agent, from /proc, from quiet to quiet; that of the shell and of cat does not count. RSS is the median of five samples a second. Both agents run the',
  'same configuration; Java is warmed up for 12 s and has a heap of 2 GiB. × compares run by run; above 1 is better for Millrace.',
];

export async function run({ runs }: Options): Promise<Result | Skipped> {
  const missing = missingFlume();
  if (missing !== undefined) return { title, skipped: missing };

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const batch of batches) {
    const measured = await measure(batch, runs);
    rows.push(...names.map((name) => rowOf(batch, name, measured)));
    const value = times(measured, 'Millrace', eventsPerCpuSecond);
    const what = `exec, batch ${batch}: events per CPU-second beside Flume`;
    bars.push({ what, value, at: 'least', limit: TIMES_FLUME, unit: '×' });
    all.push({ batch, ...measured });
    process.stderr.write(`exec: batch ${batch} done\n`);
  }
  return { title, notes, tables: [rows], bars, runs: all };
}

function times(measured: Record<Name, Run[]>, name: Name, figure: (run: Run) => number): number {
  return ratio(measured[name].map(figure), measured.Flume.map(figure));
}

function rowOf(batch: number, name: Name, measured: Record<Name, Run[]>): Row {
  const middle = (figure: (run: Run) => number) => median(measured[name].map(figure));
  return {
    batch,
    agent: name,
    'events/s': middle(eventsPerSecond),
    '× /s': times(measured, name, eventsPerSecond),
    'CPU s/M events': middle(cpuPerMillion),
    '× per CPU s': times(measured, name, eventsPerCpuSecond),
    'RSS MiB': middle(({ rssMiB }) => rssMiB),
  };
}

async function measure(batch: number, runs: number): Promise<Record<Name, Run[]>> {
  const loaded = { Millrace: new Loaded('Millrace', batch), Flume: new Loaded('Flume', batch) };
  try {
    for (const name of names) {
      const coldUntilMs = performance.now() + WARM_SECONDS[name] * 1_000;
      while (performance.now() < coldUntilMs) await loaded[name].load();
    }
    return await inTurns(names, runs, (name) => underLoad(loaded[name].agent, () => loaded[name].load()));
  } finally {
    await Promise.all(names.map((name) => loaded[name].agent.stop()));
  }
}

/** An agent, and a command that writes the lines of a run when it is told. */
class Loaded {
  readonly agent: Agent;
  readonly #name: Name;
  readonly #lines: number;
  #written = 0;

  constructor(name: Name, batch: number) {
    this.#name = name;
    this.#lines = files[name] * FILE_LINES;
    const again = `n=${files[name]}; while [ $n -gt 0 ]; do cat lines; n=$((n - 1)); done`;
    const source = {
      type: 'exec',
      shell: '/bin/sh -c',
      command: `until [ -e lines ]; do sleep 0.1; done; while read go < go; do ${again}; done`,
      batchSize: batch,
    };
    const configuration = configurationOf({ source, channel: roomyMemory, sink: nullSink(1_000, this.#lines) });
    this.agent = new Agent(name, configuration);
    // Commands run where their agent does.
    execFileSync('mkfifo', [join(this.agent.directory, 'go')]);
    writeFileSync(join(this.agent.directory, 'lines'), `${'x'.repeat(LINE_BYTES - 1)}\n`.repeat(FILE_LINES));
  }

  /** Has the lines of a run written, and waits until the null sink has had them. */
  async load(): Promise<Load> {
    this.#written += this.#lines;
    const arrived = this.agent.nextCount(0);
    // Returns when the command has read it, and so not before it runs.
    await promisify(execFile)('sh', ['-c', 'echo go > go'], { cwd: this.agent.directory });
    const beganMs = performance.now();
    const { events, atMs } = await arrived;
    if (events < this.#written) {
      throw new Error(`${this.#name} lost lines: of ${this.#written} its sink has had ${events}.`);
    }
    return { events: this.#lines, seconds: (atMs - beganMs) / 1_000, clientCpuSeconds: 0 };
  }
}
