import type { ChannelPlan, SinkPlan, SourcePlan } from '@millrace/kernel/config/plan-types';
import { type Flow, targetsOf } from './flows.ts';

/** A component as a box; all measures are in characters and lines. */
export interface Box {
  readonly lines: readonly string[];
  readonly kind: 'source' | 'channel' | 'sink';
  /** Of a channel: whether what it holds survives an unexpected end of the agent. */
  readonly durable: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What leads from some boxes of one column to some of the next. */
export interface Wire {
  /** The first and the last column of characters between the boxes. */
  readonly from: number;
  readonly to: number;
  /** The column in which it goes up and down. */
  readonly lane: number;
  /** The lines in which it leaves boxes. */
  readonly starts: readonly number[];
  readonly ends: readonly End[];
}

interface End {
  readonly line: number;
  /** Whether what goes there may be missing. */
  readonly optional: boolean;
}

/** A flow as a picture of three columns. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
  readonly width: number;
  readonly height: number;
}

const BOX = { lines: 3, least: 16, most: 26, gap: 1 };

/** Draws up a flow; undefined when it does not fit into so many columns of characters. */
export function layOut({ sources, channels, sinks }: Flow, widthMax: number): Layout | undefined {
  const puts = [...Map.groupBy(sources, (source) => `${source.required.join()} ${source.optional.join()}`).values()];
  const inputs = new Map(channels.map(({ name }) => [name, puts.filter(([one]) => targetsOf(one!).includes(name))]));
  const heights = channels.map(({ name }) => Math.max(BOX.lines, inputs.get(name)!.length) + 2);
  const tallest = Math.max(...[sources.map(() => BOX.lines + 2), heights, sinks.map(() => BOX.lines + 2)].map(stacked));

  // No two wires may meet in one line: what comes from one box would seem to go on to the other's.
  const left = new Lines();
  const sourceYs = left.place(
    sources.map((source) => ({
      height: BOX.lines + 2,
      ports: [{ at: 2, wire: puts.find((all) => all.includes(source)) }],
    })),
    tallest,
  );
  const channelYs = left.place(
    channels.map(({ name }, at) => {
      const wires = inputs.get(name)!;
      const first = Math.floor((heights[at]! - wires.length) / 2);
      return { height: heights[at]!, ports: wires.map((wire, index) => ({ at: first + index, wire })) };
    }),
    tallest,
  );
  const right = new Lines();
  const out = (at: number) => channelYs[at]! + Math.floor(heights[at]! / 2);
  for (const [at, { name }] of channels.entries()) right.take(out(at), name);
  const sinkYs = right.place(
    sinks.map(({ channel }) => ({ height: BOX.lines + 2, ports: [{ at: 2, wire: channel }] })),
    tallest,
  );

  const toChannels = puts.map((group) => ({
    starts: group.map((source) => sourceYs[sources.indexOf(source)]! + 2),
    ends: channels.flatMap(({ name }, at): End[] => {
      const index = inputs.get(name)!.indexOf(group);
      const line = channelYs[at]! + Math.floor((heights[at]! - inputs.get(name)!.length) / 2) + index;
      return index < 0 ? [] : [{ line, optional: group[0]!.optional.includes(name) }];
    }),
  }));
  const toSinks = channels.flatMap(({ name }, at) => {
    const ends = sinks.flatMap(({ channel }, sink) =>
      channel === name ? [{ line: sinkYs[sink]! + 2, optional: false }] : [],
    );
    return ends.length === 0 ? [] : [{ starts: [out(at)], ends }];
  });
  const lanes = [lanesOf(toChannels), lanesOf(toSinks)];
  const gutters = lanes.map((all) => 5 + 2 * Math.max(0, ...all));
  const texts = [...sources.map(sourceLines), ...channels.map(channelLines), ...sinks.map(sinkLines)];
  const wanted = Math.max(BOX.least, ...texts.flat().map((line) => line.length + 4));
  const width = Math.min(wanted, BOX.most, Math.floor((widthMax - gutters[0]! - gutters[1]!) / 3));
  if (width < BOX.least) return undefined;

  const xs = [0, width + gutters[0]!, 2 * width + gutters[0]! + gutters[1]!];
  const wire = (column: 0 | 1) => (ports: Ports, at: number) => ({
    ...ports,
    from: xs[column]! + width,
    to: xs[column + 1]! - 1,
    lane: xs[column]! + width + 1 + 2 * lanes[column]![at]!,
  });
  const boxes = [
    ...sources.map(
      (_, at) => ({ kind: 'source', durable: false, x: xs[0]!, y: sourceYs[at]!, height: BOX.lines + 2 }) as const,
    ),
    ...channels.map(
      (channel, at) =>
        ({ kind: 'channel', durable: isDurable(channel), x: xs[1]!, y: channelYs[at]!, height: heights[at]! }) as const,
    ),
    ...sinks.map(
      (_, at) => ({ kind: 'sink', durable: false, x: xs[2]!, y: sinkYs[at]!, height: BOX.lines + 2 }) as const,
    ),
  ].map((box, at) => ({ ...box, width, lines: texts[at]! }));
  return {
    boxes,
    wires: [...toChannels.map(wire(0)), ...toSinks.map(wire(1))],
    width: xs[2]! + width,
    height: Math.max(...boxes.map(({ y, height }) => y + height)),
  };
}

type Ports = Pick<Wire, 'starts' | 'ends'>;

interface Stacked {
  readonly height: number;
  /** Lines of the box at which wires end. */
  readonly ports: readonly { readonly at: number; readonly wire: unknown }[];
}

/** The lines between two columns, and whose they are. */
class Lines {
  readonly #owners = new Map<number, unknown>();

  take(line: number, wire: unknown): void {
    this.#owners.set(line, wire);
  }

  /** Puts boxes below each other, in the middle of so many lines where they can, and further down where lines are taken. */
  place(boxes: readonly Stacked[], lines: number): readonly number[] {
    let y = Math.floor((lines - stacked(boxes.map(({ height }) => height))) / 2);
    const taken = new Map(this.#owners);
    return boxes.map(({ height, ports }) => {
      while (ports.some(({ at, wire }) => taken.has(y + at) && taken.get(y + at) !== wire)) y++;
      for (const { at, wire } of ports) this.take(y + at, wire);
      const placed = y;
      y += height + BOX.gap;
      return placed;
    });
  }
}

const stacked = (heights: readonly number[]) => heights.reduce((sum, height) => sum + height + BOX.gap, -BOX.gap);

/** For each wire a lane in which it meets no other, counted from 1; those that go straight need none and get the first. */
function lanesOf(wires: readonly Ports[]): readonly number[] {
  const taken: [number, number][][] = [];
  return wires.map(({ starts, ends }) => {
    const lines = [...starts, ...ends.map(({ line }) => line)];
    const [top, bottom] = [Math.min(...lines), Math.max(...lines)];
    let lane = taken.findIndex((others) => others.every(([from, to]) => bottom < from || to < top));
    if (lane < 0) lane = taken.push([]) - 1;
    taken[lane]!.push([top, bottom]);
    return lane + 1;
  });
}

const isDurable = ({ registration, config, name }: ChannelPlan) =>
  registration.spec.facts?.(config, name).durable ?? false;

function sourceLines({ name, registration, config }: SourcePlan): readonly string[] {
  const [used] = registration.spec.uses?.(config) ?? [];
  const where = used?.what === 'port' ? `${used.host ?? '*'}:${used.port}` : (used?.path ?? '');
  return [name, registration.spec.type, where];
}

function channelLines({ name, registration, config }: ChannelPlan): readonly string[] {
  return [name, registration.spec.type, registration.spec.facts?.(config, name).room ?? ''];
}

function sinkLines({ name, registration, config }: SinkPlan): readonly string[] {
  return [name, registration.spec.type, registration.spec.facts?.(config).to ?? ''];
}
