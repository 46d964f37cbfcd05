import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileChannel, type FileChannelOptions } from '@millrace/channel-native';
import { dropCache } from 'millrace/dist/bench/scratch.js';
import { median } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result } from '../result.ts';

const BACKLOGS = [0, 1_000_000, 10_000_000];
const LONGER_MAX_SECONDS = 0.3;

const notes = [
  'A process puts batches of 1,000 events, 16 in flight, and kills itself with SIGKILL when so many are in; the system is asked to forget its files, and the',
  'channel is opened. Nothing was taken, so that every segment is needed.',
];

/** How long a file channel takes to open after kill -9, by what waits in it. */
export async function run({ runs, dir }: Pick<Options, 'runs' | 'dir'>): Promise<Result> {
  const opened = new Map<number, number[]>(BACKLOGS.map((events) => [events, []]));
  for (let nth = 0; nth < runs; nth += 1) {
    for (const events of BACKLOGS) opened.get(events)!.push(await reopen(dir, events));
  }
  const empty = median(opened.get(0)!);
  const rows = [...opened].map(
    ([events, seconds]): Row => ({
      queued: events,
      's to open': median(seconds),
      's longer than empty': median(seconds) - empty,
    }),
  );
  const bars = BACKLOGS.slice(1).map((events): Bar => {
    const longer = median(opened.get(events)!) - empty;
    const what = `opening with ${events.toLocaleString('en-US')} events queued, longer than empty`;
    return { what, value: longer, at: 'most', limit: LONGER_MAX_SECONDS, unit: ' s' };
  });
  const measured = [...opened].map(([events, seconds]) => ({ what: 'reopen', events, seconds }));
  return { title: 'Opening a file channel after kill -9', notes, tables: [rows], bars, runs: measured };
}

/** The channel of a directory; room for everything. */
export function optionsIn(directory: string): FileChannelOptions {
  return {
    dataDirectories: [join(directory, 'data')],
    checkpointDirectory: join(directory, 'checkpoint'),
    capacity: 100_000_000,
    transactionCapacity: 10_000,
  };
}

/** Seconds from asking for a channel to having it, with so many events in it. */
async function reopen(dir: string, events: number): Promise<number> {
  const directory = mkdtempSync(join(dir, 'millrace-reopen-'));
  try {
    const filler = spawn(process.execPath, [join(import.meta.dirname, 'filler.js'), directory, String(events)]);
    await once(filler, 'exit');
    await dropCache(directory);
    const began = performance.now();
    const channel = await FileChannel.open(optionsIn(directory));
    const seconds = (performance.now() - began) / 1_000;
    const { recovered } = channel.counters();
    await channel.close();
    if (recovered < events) throw new Error(`${events} events were put, and ${recovered} are there.`);
    return seconds;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
