import { significant } from '../words.ts';
import { contenders } from './contenders.ts';
import type { Figures } from './figures.ts';

/** A batch size is large enough when it carries this part of what the best one does. */
const ENOUGH = 0.6;
/** A difference that is worth a word. */
const NOTABLE = 1.25;

/** Events per second by batch size, with as many puts in flight as suit the channel. Empty when it was not measured. */
type Rates = ReadonlyMap<number, number>;

/** What to configure on this host, and why: a sentence or two for each thing to decide. */
export function advise(figures: Figures): string[] {
  if (figures.inMemory) {
    return [
      `${figures.directory} lies in memory (tmpfs): a sync costs nothing there, and nothing there survives. Name a directory on the disk that channels will use: --dir.`,
    ];
  }
  const memory = ratesOf(contenders.memory.name, figures);
  const file = ratesOf(contenders.file.name, figures);
  if (file.size === 0) return [...adviseMemory(memory), ...adviseJdbc(ratesOf(contenders.jdbc.name, figures), file)];
  return [
    adviseFile(file, figures),
    ...adviseInFlight(figures),
    ...adviseInterval(ratesOf(contenders.fileInterval.name, figures), file),
    ...adviseTakeSync(ratesOf(contenders.fileTakeSync.name, figures), file),
    ...besideMemory(memory, file),
    ...adviseJdbc(ratesOf(contenders.jdbc.name, figures), file),
  ];
}

function adviseFile(file: Rates, { limits, diskEventsPerSecond }: Figures): string {
  const batch = largeEnough(file);
  const share = Math.round((file.get(batch)! / diskEventsPerSecond) * 100);
  const syncMs = 1_000 / limits.find((limit) => limit.batch === 1)!.syncsPerSecond;
  return (
    `For events that may not be lost, use a file channel with batches of ${batch} or more: ` +
    `it carries ${rounded(file.get(batch)!)} events/s here, ${share} % of what the disk can take. ` +
    `A sync takes ${rounded(syncMs)} ms on this disk, whether it is for one event or for hundreds.`
  );
}

function adviseInFlight({ steady }: Figures): string[] {
  const [one = NaN, many = NaN] = [1, 16].map(
    (wanted) =>
      steady.find(
        ({ channel, batch, putters }) => channel === contenders.file.name && batch === 1 && putters === wanted,
      )?.eventsPerSecond,
  );
  const start = `A client that sends single events to a file channel, and waits for each to be answered, gets ${rounded(one)}/s through`;
  if (many / one < NOTABLE) return [`${start}, and more clients at once no more.`];
  return [`${start}; 16 at once share their syncs and get ${rounded(many)}/s through, ${times(many / one)} as many.`];
}

function adviseInterval(interval: Rates, file: Rates): string[] {
  const { batch, more } = compare(interval, file);
  if (more === undefined) return [];
  return [
    more >= NOTABLE
      ? `Syncing every second instead of at each commit (fsyncPerTransaction = false) carries ${times(more)} as many at batch ${batch}; a loss of power then takes up to a second of events that were accepted.`
      : `Leave fsyncPerTransaction as it is: syncing every second instead gains nothing at batch ${batch} that is worth a second of events.`,
  ];
}

function adviseTakeSync(takeSync: Rates, file: Rates): string[] {
  const { batch, more } = compare(file, takeSync);
  if (more === undefined) return [];
  const cost = more >= NOTABLE ? `; without it the channel carries ${times(more)} as many` : ' and costs little here';
  return [`takeSync spares the next hop some duplicates after a crash${cost} (batch ${batch}).`];
}

function besideMemory(memory: Rates, file: Rates): string[] {
  const { batch, more } = compare(memory, file);
  if (more === undefined) return [];
  const speed = more >= NOTABLE ? `${times(more)} as fast` : 'no faster';
  return [
    `The memory channel is ${speed} at batch ${batch}, and what it holds is lost when the agent dies: for events that can be sent again or missed.`,
  ];
}

function adviseMemory(memory: Rates): string[] {
  if (memory.size === 0) return [];
  const batch = largeEnough(memory);
  return [
    `For events that can be sent again or missed, use a memory channel with batches of ${batch} or more: it carries ${rounded(memory.get(batch)!)} events/s here, ${times(memory.get(batch)! / memory.get(1)!)} as many as at batch 1. What it holds is lost when the agent dies.`,
  ];
}

function adviseJdbc(jdbc: Rates, file: Rates): string[] {
  if (jdbc.size === 0) return [];
  const batch = largeEnough(jdbc);
  const more = (file.get(batch) ?? 0) / jdbc.get(batch)!;
  const beside = more >= NOTABLE ? `, and the file channel ${times(more)} as many` : '';
  return [
    `The jdbc channel carries ${rounded(jdbc.get(batch)!)} events/s at batch ${batch}${beside}: use it where what waits must be seen with SQL, or must lie in a database.`,
  ];
}

function ratesOf(name: string, { steady }: Figures): Rates {
  const rates = new Map<number, number>();
  for (const { channel, batch, eventsPerSecond } of steady) {
    if (channel === name) rates.set(batch, Math.max(eventsPerSecond, rates.get(batch) ?? 0));
  }
  return rates;
}

/** How many times as many events the first carries, at a batch size that suits the second; `undefined` when it was not measured. */
function compare(first: Rates, second: Rates): { batch: number; more: number | undefined } {
  const batch = largeEnough(second);
  return { batch, more: first.has(batch) ? first.get(batch)! / second.get(batch)! : undefined };
}

/** The smallest batch that carries about as much as the best. */
function largeEnough(rates: Rates): number {
  const best = Math.max(...rates.values());
  return Math.min(...[...rates].filter(([, rate]) => rate >= ENOUGH * best).map(([batch]) => batch));
}

function rounded(value: number): string {
  return significant(value, 2);
}

function times(value: number): string {
  return `${rounded(value)} times`;
}
