import { expect, test } from 'vitest';
import { advise } from './advice.ts';
import type { Figures } from './figures.ts';

/** Events per second of batches of 1, 100 and 1000, with 1 and with 16 puts in flight. */
type Rates = readonly [readonly [number, number], readonly [number, number], readonly [number, number]];

const batches = [1, 100, 1000] as const;
const file: Rates = [
  [7_000, 60_000],
  [400_000, 1_200_000],
  [1_000_000, 1_500_000],
];
const memory: Rates = [
  [500_000, 400_000],
  [8_000_000, 6_000_000],
  [9_000_000, 7_000_000],
];

function figures(channels: Readonly<Record<string, Rates>>, more: Partial<Figures> = {}): Figures {
  return {
    directory: '/disk',
    inMemory: false,
    onDisk: [],
    limits: batches.map((batch) => ({ batch, bytes: 515 * batch, copiedEventsPerSecond: 5e7, syncsPerSecond: 8_000 })),
    diskEventsPerSecond: 2_000_000,
    steady: Object.entries(channels).flatMap(([channel, rates]) =>
      rates.flatMap((pair, at) =>
        pair.map((eventsPerSecond, putters) => ({
          channel,
          batch: batches[at]!,
          putters: putters === 0 ? 1 : 16,
          eventsPerSecond,
          cpuSecondsPerMillion: 1,
          commitsPerSecond: 1,
        })),
      ),
    ),
    ...more,
  };
}

const times = (factor: number, rates: Rates) =>
  rates.map((pair) => pair.map((rate) => rate * factor)) as unknown as Rates;

test('the file channel is advised with the smallest batch that carries about as much as the best, and beside what the disk can do', () => {
  const [advice] = advise(figures({ memory, file }));
  expect(advice).toContain(
    'use a file channel with batches of 100 or more: it carries 1,200,000 events/s here, 60 % of',
  );
  expect(advice).toContain('A sync takes 0.13 ms');
  const slowAt100: Rates = [file[0], [400_000, 700_000], file[2]];
  expect(advise(figures({ file: slowAt100 }))[0]).toContain('with batches of 1000 or more');
});

test('what the memory channel gains is said together with what it loses', () => {
  expect(advise(figures({ memory, file })).join('\n')).toMatch(
    /memory channel is 6\.7 times as fast at batch 100, .* lost when the agent dies/,
  );
  expect(advise(figures({ memory: file, file })).join('\n')).toContain('memory channel is no faster');
  expect(advise(figures({ memory }))).toEqual([
    expect.stringMatching(
      /use a memory channel with batches of 100 or more: .* 16 times as many as at batch 1\. .* lost/,
    ),
  ]);
});

test('many clients at once are advised where they share syncs, and only there', () => {
  expect(advise(figures({ file })).join('\n')).toContain(
    'gets 7,000/s through; 16 at once share their syncs and get 60,000/s through, 8.6 times',
  );
  const alike: Rates = [[7_000, 7_100], file[1], file[2]];
  expect(advise(figures({ file: alike })).join('\n')).toContain('more clients at once no more');
});

test('a weaker promise is worth a word only where it gains something', () => {
  const with2 = advise(figures({ file, 'file, sync every second': times(2, file) })).join('\n');
  expect(with2).toMatch(
    /fsyncPerTransaction = false\) carries 2 times as many at batch 100; a loss of power then takes/,
  );
  const with1 = advise(figures({ file, 'file, sync every second': times(1.1, file) })).join('\n');
  expect(with1).toContain('Leave fsyncPerTransaction as it is');
});

test('a stronger promise is named with its price', () => {
  expect(advise(figures({ file, 'file, takeSync': times(0.5, file) })).join('\n')).toContain(
    'without it the channel carries 2 times as many',
  );
  expect(advise(figures({ file, 'file, takeSync': times(0.9, file) })).join('\n')).toContain('costs little here');
});

test('the jdbc channel is advised for what only it can do', () => {
  expect(advise(figures({ file, jdbc: times(0.1, file) })).at(-1)).toMatch(
    /carries 120,000 events\/s at batch 100, and the file channel 10 times as many: .* SQL/,
  );
  expect(advise(figures({ jdbc: file }))).toEqual([expect.stringContaining('The jdbc channel carries 1,200,000')]);
});

test('a directory in memory is no disk, and nothing is advised from it', () => {
  expect(advise(figures({ memory, file }, { inMemory: true }))).toEqual([
    expect.stringMatching(/^\/disk lies in memory .*--dir\.$/),
  ]);
});
