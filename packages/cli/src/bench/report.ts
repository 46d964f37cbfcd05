import { significant } from '../words.ts';
import { contenders } from './contenders.ts';
import type { Figures, OnDisk, Steady } from './figures.ts';
import { BODY_BYTES } from './load.ts';
import type { Row, Table } from './table.ts';

/** A table and what it shows. */
export interface Section {
  readonly title: string;
  readonly table: Table;
  readonly notes: readonly string[];
}

/** The figures as tables for people. */
export function sectionsOf(figures: Figures): Section[] {
  return [
    steadySection(figures),
    ...(figures.onDisk.length > 0 ? [onDiskSection(figures)] : []),
    limitsSection(figures),
  ];
}

function steadySection(figures: Figures): Section {
  const lines = Map.groupBy(figures.steady, ({ channel, batch }) => `${channel} ${batch}`);
  const order = figures.steady.map(({ channel }) => channel);
  const sorted = [...lines.values()].sort((a, b) => order.indexOf(a[0]!.channel) - order.indexOf(b[0]!.channel));
  return {
    title: 'Puts and takes together, events/s',
    table: sorted.map((line) => steadyRow(line, figures)),
    notes: [
      `Bodies of ${BODY_BYTES} bytes, puts in flight from 1, 1 and 4 threads, one taker that reads every byte. The columns to the right are those of the`,
      'most in flight. CPU is that of the whole process. The limit of memory is a memcpy of the same bytes, that of the others the',
      'disk with large writes. What a channel that syncs every second has not yet written is not in its time.',
    ],
  };
}

function steadyRow(line: readonly Steady[], { limits, diskEventsPerSecond }: Figures): Row {
  const { channel, batch } = line[0]!;
  const busiest = line.at(-1)!;
  const copied = limits.find((limit) => limit.batch === batch)?.copiedEventsPerSecond ?? NaN;
  const limit = channel === contenders.memory.name ? copied : diskEventsPerSecond;
  return {
    channel,
    batch,
    ...Object.fromEntries(line.map(({ putters, eventsPerSecond }) => [`${putters} in flight`, eventsPerSecond])),
    'MB/s': (busiest.eventsPerSecond * BODY_BYTES) / 1e6,
    'commits/s': busiest.commitsPerSecond,
    'CPU s/M events': busiest.cpuSecondsPerMillion,
    '% of limit': (busiest.eventsPerSecond / limit) * 100,
  };
}

function onDiskSection({ onDisk }: Figures): Section {
  const row = (one: OnDisk): Row => ({
    batch: one.batch,
    'bare loop, 1/s': one.bareSyncsPerSecond,
    'commits/s, 1 in flight': one.aloneCommitsPerSecond,
    '× bare': one.aloneBesideBare,
    'commits/s, 16 in flight': one.togetherCommitsPerSecond,
    '× 1': one.togetherBesideAlone,
    'growing, events/s': one.growingEventsPerSecond,
    'draining, events/s': one.drainingEventsPerSecond,
    'cold, events/s': one.coldEventsPerSecond ?? NaN,
  });
  return {
    title: 'The file channel, puts and takes one after the other',
    table: onDisk.map(row),
    notes: [
      'The bare loop writes and syncs as many bytes, one batch after the other, right before; × compares run by run. Growing is puts only,',
      '16 in flight; draining is takes only; cold is opening the channel again and draining after the system was asked to forget its files,',
      'and – where that cannot be said: less than half of the bytes came from the disk then, or there were too few.',
    ],
  };
}

function limitsSection({ limits, diskEventsPerSecond, directory, inMemory }: Figures): Section {
  const table = limits.map(({ batch, bytes, copiedEventsPerSecond, syncsPerSecond }) => ({
    batch,
    bytes,
    'memcpy, events/s': copiedEventsPerSecond,
    'write + fdatasync, 1/s': syncsPerSecond,
    'events/s': syncsPerSecond * batch,
  }));
  return {
    title: 'The limits: what nothing does faster here',
    table,
    notes: [
      `One thread each, batch by batch. With writes of 8 MiB the disk takes ${significant(diskEventsPerSecond)} events/s.`,
      `Measured in ${directory}${inMemory ? ', which lies in memory: the figures say nothing about a disk' : ''}.`,
    ],
  };
}
