import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { advise } from './advice.ts';
import { type Chart, renderChart } from './chart.ts';
import type { Figures } from './figures.ts';
import { machine } from './machine.ts';
import { type Measured, measure } from './measure.ts';
import { Progress } from './progress.ts';
import { sectionsOf } from './report.ts';
import { renderTable } from './table.ts';

/** What the channel bench was asked for. */
export interface ChannelsOptions {
  /** Where the scratch directory goes: the disk that is measured. */
  readonly dir: string;
  /** Types of channels; all when not said. */
  readonly type?: readonly string[] | undefined;
  readonly runs: number;
  readonly quick: boolean;
  readonly json?: string | undefined;
  readonly svg?: string | undefined;
}

const RUN_MS = { quick: 150, full: 350 };

/** Measures every channel of this program on this host, prints tables and advice, and writes the files that were asked for. */
export async function benchChannels(options: ChannelsOptions, signal: AbortSignal): Promise<Measured> {
  const on = machine();
  process.stderr.write(`channels: ${on.cpu}, ${on.cores} cores, Node ${on.node}, load ${on.load1}\n`);
  const measured = await measure({
    directory: options.dir,
    types: options.type,
    runs: options.quick ? 1 : options.runs,
    forMs: options.quick ? RUN_MS.quick : RUN_MS.full,
    signal,
    progress: new Progress(process.stderr),
  });
  const { figures, runs } = measured;
  const advice = advise(figures);
  process.stdout.write(`\n${render(figures, advice)}`);
  if (options.json !== undefined) {
    write(options.json, `${JSON.stringify({ machine: on, ...figures, advice, runs }, undefined, 2)}\n`);
  }
  if (options.svg !== undefined) write(options.svg, renderChart(chartOf(figures)));
  return measured;
}

function render(figures: Figures, advice: readonly string[]): string {
  const sections = sectionsOf(figures).map(
    ({ title, table, notes }) => `${title}\n\n${renderTable(table)}\n${notes.map((note) => `${note}\n`).join('')}\n`,
  );
  return `${sections.join('\n')}\nAdvice for this host\n\n${advice.map((sentence) => `- ${sentence}\n`).join('')}`;
}

function chartOf({ steady, limits, diskEventsPerSecond, inMemory }: Figures): Chart {
  const batches = limits.map(({ batch }) => batch);
  const memcpy = { name: 'memcpy', ys: limits.map((limit) => limit.copiedEventsPerSecond), limit: true };
  const disk = { name: 'disk, large writes', ys: limits.map(() => diskEventsPerSecond), limit: true };
  const bare = {
    name: 'bare write + fdatasync',
    ys: limits.map((limit) => limit.syncsPerSecond * limit.batch),
    limit: true,
  };
  const panels = Map.groupBy(steady, ({ putters }) => putters);
  return {
    title: 'Events per second through a channel, bodies of 512 bytes',
    xTitle: 'events in a batch',
    xs: batches.map(String),
    panels: [...panels].map(([putters, cells]) => ({
      title: `${putters} in flight`,
      lines: [
        ...[...new Set(cells.map(({ channel }) => channel))].map((name) => ({
          name,
          ys: batches.map((batch) => cells.find((one) => one.channel === name && one.batch === batch)?.eventsPerSecond),
          limit: false,
        })),
        memcpy,
        ...(inMemory ? [] : [disk, bare]),
      ],
    })),
  };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
