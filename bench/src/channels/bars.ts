import { contenders } from 'millrace/dist/bench/contenders.js';
import type { Figures, Steady } from 'millrace/dist/bench/figures.js';
import type { Bar } from '../result.ts';

/** CPU seconds that a file channel may add to a million events, by batch. */
const COST_MAX: Readonly<Record<number, number>> = { 100: 0.45, 1000: 0.3 };
/** Puts in flight where a channel is as fast as it gets. */
const MANY = 16;
const ALONE_LEAST = 0.8;
const TOGETHER_LEAST = 3;
const BACKLOG_LEAST = 0.6;

/** What the file channel has to reach by itself, beside the disk and beside the memory channel. */
export function barsOfFile({ steady, onDisk }: Figures): Bar[] {
  const at = (channel: string, batch: number): Steady | undefined =>
    steady.find((one) => one.channel === channel && one.batch === batch && one.putters === MANY);
  return onDisk.flatMap((one) => {
    const limit = COST_MAX[one.batch];
    const file = at(contenders.file.name, one.batch);
    const memory = at(contenders.memory.name, one.batch);
    if (limit === undefined || file === undefined) return [];

    const least = (what: string, value: number | undefined, limit: number): Bar[] =>
      value === undefined ? [] : [{ what: `file, batch ${one.batch}: ${what}`, value, at: 'least', limit, unit: '×' }];
    const besideSteady = (rate: number | undefined) => rate && rate / file.eventsPerSecond;
    const cost = memory && file.cpuSecondsPerMillion - memory.cpuSecondsPerMillion;
    return [
      ...least('one committer beside a bare write and fdatasync', one.aloneBesideBare, ALONE_LEAST),
      ...least('16 in flight beside one', one.togetherBesideAlone, TOGETHER_LEAST),
      ...least('growing beside steady', besideSteady(one.growingEventsPerSecond), BACKLOG_LEAST),
      ...least('draining beside steady', besideSteady(one.drainingEventsPerSecond), BACKLOG_LEAST),
      ...least('cold reads beside steady', besideSteady(one.coldEventsPerSecond), BACKLOG_LEAST),
      ...(cost === undefined
        ? []
        : [costBar(`file, batch ${one.batch}: what it adds to a million events`, cost, limit)]),
    ];
  });
}

function costBar(what: string, value: number, limit: number): Bar {
  return { what, value, at: 'most', limit, unit: ' CPU s' };
}
