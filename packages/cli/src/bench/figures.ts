import type { Run } from './crew.ts';
import { median } from './stats.ts';

/** What one channel carries at one batch size and number of puts in flight; medians of its runs. */
export interface Steady {
  readonly channel: string;
  readonly batch: number;
  readonly putters: number;
  readonly eventsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly commitsPerSecond: number;
}

/** What a channel on disk does when puts and takes come one after the other. */
export interface OnDisk {
  readonly batch: number;
  /** A bare loop of one write and one sync of as many bytes. */
  readonly bareSyncsPerSecond: number;
  /** One put after the other, and which part of the bare loop next to it that is. */
  readonly aloneCommitsPerSecond: number;
  readonly aloneBesideBare: number;
  /** 16 puts at a time, and how many times one after the other that is. */
  readonly togetherCommitsPerSecond: number;
  readonly togetherBesideAlone: number;
  readonly growingEventsPerSecond: number;
  readonly drainingEventsPerSecond: number;
  /** From the disk itself; `undefined` when the backlog was too small, or the system went on keeping the files in memory. */
  readonly coldEventsPerSecond: number | undefined;
}

/** What nothing on this host can do faster. */
export interface Limit {
  readonly batch: number;
  /** Encoded bytes of a batch. */
  readonly bytes: number;
  readonly copiedEventsPerSecond: number;
  /** One writer that writes and syncs one batch after the other. */
  readonly syncsPerSecond: number;
}

/** Everything that was measured. */
export interface Figures {
  /** Where it was measured. */
  readonly directory: string;
  /** The directory lies in memory, so that nothing is said about a disk. */
  readonly inMemory: boolean;
  readonly steady: readonly Steady[];
  readonly onDisk: readonly OnDisk[];
  readonly limits: readonly Limit[];
  /** Events that the disk takes when it writes and syncs large pieces. */
  readonly diskEventsPerSecond: number;
}

/** The median rate of what went through. */
export function eventsPerSecond(runs: readonly Pick<Run, 'events' | 'seconds'>[]): number {
  return median(runs.map(({ events, seconds }) => events / seconds));
}

/** The rates of transactions, run by run. */
export function commitRates(runs: readonly Run[]): number[] {
  return runs.map(({ commits, seconds }) => commits / seconds);
}

/** The median processor time of all threads for a million events. */
export function cpuSecondsPerMillion(runs: readonly Pick<Run, 'events' | 'cpuSeconds'>[]): number {
  return median(runs.map(({ events, cpuSeconds }) => (cpuSeconds / events) * 1e6));
}
