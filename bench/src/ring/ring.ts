import { BODY_BYTES } from 'millrace/dist/bench/load.js';
import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result } from '../result.ts';
import { channelContender } from './channel.ts';
import type { Contender, Shape, Timing } from './contender.ts';
import { WINDOW_EVENTS } from './load.ts';
import { memcpyContender } from './memcpy.ts';
import { messagesContender } from './messages.ts';

/** Batch sizes, and how many batches of each make a run of some tenths of a second. */
const batchesOf = { 1: 300_000, 10: 150_000, 100: 60_000, 1000: 6_000 } as const;
const sizes = Object.keys(batchesOf).map(Number) as (keyof typeof batchesOf)[];

const notes = [
  `Bodies of ${BODY_BYTES} bytes between threads; at most ${WINDOW_EVENTS.toLocaleString('en-US')} events are on their way at a time. What is put was built before,`,
  'four different batches in turns. Takers compute the CRC-32C of every body they get, and all sums are compared at the end.',
  'postMessage clones one Uint8Array for each batch; "transferred" makes a copy and transfers it. memcpy is one thread that copies',
  'the same bytes and reads none; through as much memory as a full channel, or always to one place. CPU is that of all threads.',
];

/** Events between threads over the memory channel, beside memcpy and postMessage. */
export async function run({ runs }: Pick<Options, 'runs'>): Promise<Result> {
  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const pairs of [1, 2]) {
    for (const events of sizes) {
      const shape = { events, pairs };
      const measured = await measure(shape, runs);
      const seconds = (name: string) => measured.get(name)!.map((timing) => timing.seconds);
      for (const [name, timings] of measured) {
        rows.push(
          rowOf(
            name,
            shape,
            timings,
            ratio(
              timings.map((timing) => timing.seconds),
              seconds('channel'),
            ),
          ),
        );
        all.push({ name, ...shape, batches: batchesOf[events], timings });
      }
      if (pairs === 1) bars.push(...barsOf(events, seconds));
    }
  }
  return { title: 'ring: events between threads', notes, tables: [rows], bars, runs: all };
}

/** The runs of every contender: in each round all of them, one after the other. */
async function measure(shape: Shape, runs: number): Promise<Map<string, Timing[]>> {
  const contenders: Contender[] = [
    await channelContender(shape, { checksum: true }),
    await channelContender(shape, { checksum: false }),
    memcpyContender(shape, { hot: false }),
    memcpyContender(shape, { hot: true }),
    await messagesContender(shape, { transfer: false }),
    await messagesContender(shape, { transfer: true }),
  ];
  const batches = batchesOf[shape.events as keyof typeof batchesOf];
  const measured = new Map(contenders.map(({ name }) => [name, [] as Timing[]]));
  for (const contender of contenders) await contender.run(batches / 5);
  for (let round = 0; round < runs; round += 1) {
    for (const contender of contenders) measured.get(contender.name)!.push(await contender.run(batches));
  }
  await Promise.all(contenders.map((contender) => contender.close()));
  process.stderr.write(`ring: ${shape.pairs} × ${shape.pairs}, batch ${shape.events} done\n`);
  return measured;
}

function rowOf(name: string, { events, pairs }: Shape, timings: readonly Timing[], timesChannel: number): Row {
  const total = batchesOf[events as keyof typeof batchesOf] * events;
  const eventsPerSecond = total / median(timings.map(({ seconds }) => seconds));
  return {
    'putters × takers': `${pairs} × ${pairs}`,
    batch: events,
    what: name,
    'events/s': eventsPerSecond,
    'MB/s': (eventsPerSecond * BODY_BYTES) / 1e6,
    'CPU s/M events': (median(timings.map(({ cpuSeconds }) => cpuSeconds)) / total) * 1e6,
    'channel is × faster': timesChannel,
  };
}

function barsOf(events: number, seconds: (name: string) => readonly number[]): Bar[] {
  const channel = seconds('channel');
  const overMessages = ratio(seconds('postMessage'), channel);
  const ofMemcpy = ratio(seconds('memcpy'), channel);
  const bar = (what: string, value: number, limit: number): Bar => {
    return { what: `ring, batch ${events}: ${what}`, value, at: 'least', limit, unit: '×' };
  };
  if (events === 1) return [bar('beside postMessage', overMessages, 1)];
  if (events < 100) return [];
  return [bar('beside postMessage', overMessages, 3), bar('beside memcpy', ofMemcpy, 1 / 3)];
}
