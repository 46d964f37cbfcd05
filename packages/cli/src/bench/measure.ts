import { availableContenders, type Contender, contenders, DISK_EVENTS } from './contenders.ts';
import type { Load, Putters, Run } from './crew.ts';
import { commitRates, cpuSecondsPerMillion, eventsPerSecond, type Figures } from './figures.ts';
import { copiesPerSecond, DiskLimit } from './limits.ts';
import { buildPool } from './load.ts';
import type { Progress } from './progress.ts';
import { type ColdRun, Stage } from './stage.ts';
import { median, ratio } from './stats.ts';

/** What is measured for how long. */
export interface MeasureOptions {
  readonly directory: string;
  /** Types of channels; every one that there is when not said. */
  readonly types: readonly string[] | undefined;
  readonly runs: number;
  /** How long one run puts. */
  readonly forMs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Figures, and the single runs they are medians of. */
export interface Measured {
  readonly figures: Figures;
  readonly runs: readonly object[];
}

const batches = [1, 100, 1000] as const;
const puttersAtATime = [1, 4, 16] as const satisfies Putters[];
const UNLIMITED = Number.MAX_SAFE_INTEGER;
/** About what a channel writes at once at best. */
const LARGE_WRITE_BYTES = 8 << 20;
const LIMIT_MS = 150;
/** A backlog counts as cold if most of it was read from the disk, and as one if reading it takes longer than opening the channel. */
const COLD = 0.5;
const COLD_EVENTS = 50_000;

interface Step {
  readonly label: string;
  /** Measures once, keeps it, and answers events per second for the display. */
  measure(): Promise<number> | number;
}

/** Measures every channel there is, in rounds, so that what disturbs one disturbs all. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const { directory, types, runs, signal, progress } = options;
  const channels = availableContenders(types);
  await using stage = new Stage(directory, signal);
  for (const channel of channels) await stage.open(channel);
  using disk = new DiskLimit(stage.scratch.directory);

  const limits = batches.map((batch) => limitCase(batch, disk));
  const large = largeCase(disk, limits.at(-1)!.bytes / batches.at(-1)!);
  const steady = batches.flatMap((batch) =>
    puttersAtATime.flatMap((putters) => channels.map((channel) => steadyCase(stage, channel, batch, putters, options))),
  );
  const onDisk = channels.includes(contenders.file)
    ? batches.map((batch, at) => onDiskCase(stage, disk, batch, limits[at]!.bytes, options))
    : [];
  const steps: Step[] = [...limits, large, ...steady, ...onDisk];

  const warm = channels.map((channel) => steadyCase(stage, channel, 100, 16, { ...options, forMs: 100 }));
  progress.begin(warm.length + runs * steps.length);
  for (const step of [...warm, ...Array.from({ length: runs }, () => steps).flat()]) {
    signal.throwIfAborted();
    progress.step(step.label, await step.measure());
  }
  progress.end();

  const figures = {
    directory: stage.scratch.parent,
    inMemory: stage.scratch.inMemory,
    limits: limits.map(({ figure }) => figure()),
    diskEventsPerSecond: large.figure(),
    steady: steady.map(({ figure }) => figure()),
    onDisk: onDisk.map(({ figure }) => figure()),
  };
  return { figures, runs: [...limits, ...steady, ...onDisk].map(({ label, kept }) => ({ label, kept })) };
}

function limitCase(batch: number, disk: DiskLimit) {
  const first = buildPool(batch, 0)[0]!;
  const bytes = first.byteLength;
  const kept = { copies: [] as number[], syncs: [] as number[] };
  return {
    label: `limits, batch ${batch}`,
    bytes,
    kept,
    measure() {
      kept.copies.push(copiesPerSecond(first, LIMIT_MS));
      kept.syncs.push(disk.syncsPerSecond(bytes, LIMIT_MS));
      return kept.syncs.at(-1)! * batch;
    },
    figure: () => ({
      batch,
      bytes,
      copiedEventsPerSecond: median(kept.copies) * batch,
      syncsPerSecond: median(kept.syncs),
    }),
  };
}

function largeCase(disk: DiskLimit, bytesOfEvent: number) {
  const kept: number[] = [];
  return {
    label: 'limits, large writes',
    kept,
    measure() {
      kept.push((disk.syncsPerSecond(LARGE_WRITE_BYTES, LIMIT_MS) * LARGE_WRITE_BYTES) / bytesOfEvent);
      return kept.at(-1)!;
    },
    figure: () => median(kept),
  };
}

function steadyCase(stage: Stage, channel: Contender, batch: number, putters: Putters, { forMs }: MeasureOptions) {
  const kept: Run[] = [];
  return {
    label: `${channel.name}, batch ${batch}, ${putters} in flight`,
    kept,
    async measure() {
      kept.push(await stage.through(channel, { batch, putters, forMs, atMost: UNLIMITED }));
      return rateOf(kept.at(-1)!);
    },
    figure: () => ({
      channel: channel.name,
      batch,
      putters,
      eventsPerSecond: eventsPerSecond(kept),
      commitsPerSecond: median(commitRates(kept)),
      cpuSecondsPerMillion: cpuSecondsPerMillion(kept),
    }),
  };
}

/** One committer alone; then a backlog that grows and shrinks; then one that outlives the channel and is read from the disk. */
function onDiskCase(stage: Stage, disk: DiskLimit, batch: number, bytes: number, { forMs }: MeasureOptions) {
  const { file } = contenders;
  const kept = {
    bare: [] as number[],
    alone: [] as Run[],
    growing: [] as Run[],
    draining: [] as Run[],
    cold: [] as ColdRun[],
  };
  const load = (putters: Putters): Load => ({ batch, putters, forMs, atMost: DISK_EVENTS });
  return {
    label: `file, growing and draining, batch ${batch}`,
    kept,
    async measure() {
      kept.bare.push(disk.syncsPerSecond(bytes, LIMIT_MS));
      const alone = await stage.fill(file, load(1));
      await stage.drain(file, alone, batch);
      const growing = await stage.fill(file, load(16));
      const draining = await stage.drain(file, growing, batch);
      kept.alone.push(alone);
      kept.growing.push(growing);
      kept.draining.push(draining);
      if (growing.events > COLD_EVENTS) {
        const again = await stage.fill(file, load(16));
        kept.cold.push(await stage.drainCold(file, again, batch, again.commits * bytes));
      }
      return rateOf(draining);
    },
    figure: () => {
      const cold = kept.cold.filter(({ fromDisk }) => fromDisk > COLD);
      return {
        batch,
        bareSyncsPerSecond: median(kept.bare),
        aloneCommitsPerSecond: median(commitRates(kept.alone)),
        aloneBesideBare: ratio(commitRates(kept.alone), kept.bare),
        togetherCommitsPerSecond: median(commitRates(kept.growing)),
        togetherBesideAlone: ratio(commitRates(kept.growing), commitRates(kept.alone)),
        growingEventsPerSecond: eventsPerSecond(kept.growing),
        drainingEventsPerSecond: eventsPerSecond(kept.draining),
        coldEventsPerSecond: cold.length > 0 ? eventsPerSecond(cold) : undefined,
      };
    },
  };
}

function rateOf({ events, seconds }: Run): number {
  return events / seconds;
}
