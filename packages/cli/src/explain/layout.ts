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

const BOX = { lines: 3, height: 5, least: 16, most: 26, gap: 1 };

/** Draws up a flow; undefined when it does not fit into so many columns of characters. */
export function layOut(flow: Flow, widthMax: number): Layout | undefined {
  const { sources, channels, sinks } = flow;
  const { tops, toChannels, toSinks } = placeInLines(flow);
  const lanes = [lanesOf(toChannels), lanesOf(toSinks)] as const;
  const [first, second] = lanes.map((all) => 5 + 2 * Math.max(0, ...all)) as [number, number];
  const texts = [...sources.map(sourceLines), ...channels.map(channelLines), ...sinks.map(sinkLines)];
  const wanted = Math.max(BOX.least, ...texts.flat().map((line) => line.length + 4));
  const width = Math.min(wanted, BOX.most, Math.floor((widthMax - first - second) / 3));
  if (width < BOX.least) return undefined;

  const xs = [0, width + first, 2 * width + first + second] as const;
  const wire = (column: 0 | 1) => (ports: Ports, at: number) => {
    const from = xs[column] + width;
    return { ...ports, from, to: xs[column === 0 ? 1 : 2] - 1, lane: from + 1 + 2 * lanes[column][at]! };
  };
  const boxes = [
    ...sources.map(() => ({ kind: 'source', durable: false, x: xs[0] }) as const),
    ...channels.map((channel) => ({ kind: 'channel', durable: isDurable(channel), x: xs[1] }) as const),
    ...sinks.map(() => ({ kind: 'sink', durable: false, x: xs[2] }) as const),
  ].map((box, at) => ({ ...box, ...tops[at]!, width, lines: texts[at]! }));
  return {
    boxes,
    wires: [...toChannels.map(wire(0)), ...toSinks.map(wire(1))],
    width: xs[2] + width,
    height: Math.max(...boxes.map(({ y, height }) => y + height)),
  };
}

type Ports = Pick<Wire, 'starts' | 'ends'>;

/** Where each box stands, sources first and sinks last, and in which lines wires leave and enter them. */
function placeInLines({ sources, channels, sinks }: Flow) {
  // Sources with the same channels share a wire; each wire enters a channel in a line of its own.
  const puts = [...Map.groupBy(sources, (source) => `${source.required.join()} ${source.optional.join()}`).values()];
  const inputs = channels.map(({ name }) => puts.filter(([one]) => targetsOf(one!).includes(name)));
  const heights = inputs.map(({ length }) => Math.max(BOX.lines, length) + 2);
  const inputAt = (channel: number, index: number) =>
    Math.floor((heights[channel]! - inputs[channel]!.length) / 2) + index;
  const outputAt = (channel: number) => Math.floor(heights[channel]! / 2);
  const boxesAt = (wires: readonly unknown[]) =>
    wires.map((wire) => ({ height: BOX.height, ports: [{ at: MIDDLE, wire }] }));

  const sourceBoxes = boxesAt(sources.map((source) => puts.find((all) => all.includes(source))));
  const channelBoxes = inputs.map((wires, at) => ({
    height: heights[at]!,
    ports: wires.map((wire, index) => ({ at: inputAt(at, index), wire })),
  }));
  const sinkBoxes = boxesAt(sinks.map(({ channel }) => channel));
  const tallest = Math.max(...[sourceBoxes, channelBoxes, sinkBoxes].map(stacked));
  const [left, right] = [new Lines(), new Lines()];
  const sourceYs = left.place(sourceBoxes, tallest);
  const channelYs = left.place(channelBoxes, tallest);
  for (const [at, { name }] of channels.entries()) right.take(channelYs[at]! + outputAt(at), name);
  const sinkYs = right.place(sinkBoxes, tallest);

  const toChannels = puts.map((group) => ({
    starts: group.map((source) => sourceYs[sources.indexOf(source)]! + MIDDLE),
    ends: channels.flatMap(({ name }, at): End[] => {
      const index = inputs[at]!.indexOf(group);
      return index < 0
        ? []
        : [{ line: channelYs[at]! + inputAt(at, index), optional: group[0]!.optional.includes(name) }];
    }),
  }));
  const toSinks = channels.flatMap(({ name }, at) => {
    const taking = sinkYs.filter((_, sink) => sinks[sink]!.channel === name);
    const ends = taking.map((y) => ({ line: y + MIDDLE, optional: false }));
    return ends.length === 0 ? [] : [{ starts: [channelYs[at]! + outputAt(at)], ends }];
  });
  const tops = [
    ...sourceYs.map((y) => ({ y, height: BOX.height })),
    ...channelYs.map((y, at) => ({ y, height: heights[at]! })),
    ...sinkYs.map((y) => ({ y, height: BOX.height })),
  ];
  return { tops, toChannels, toSinks };
}

/** The line of a box at which a wire ends that is alone. */
const MIDDLE = 2;

interface Stacked {
  readonly height: number;
  /** Lines of the box at which wires end. */
  readonly ports: readonly { readonly at: number; readonly wire: unknown }[];
}

/** The lines between two columns, and whose they are: where two wires met in one, what comes from one box would seem to go on to the other's. */
class Lines {
  readonly #owners = new Map<number, unknown>();

  take(line: number, wire: unknown): void {
    this.#owners.set(line, wire);
  }

  /** Puts boxes below each other, in the middle of so many lines where they can, and further down where lines are taken. */
  place(boxes: readonly Stacked[], lines: number): readonly number[] {
    let y = Math.floor((lines - stacked(boxes)) / 2);
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

const stacked = (boxes: readonly Stacked[]) => boxes.reduce((sum, { height }) => sum + height + BOX.gap, -BOX.gap);

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

const isDurable = ({ registration, config, name }: ChannelPlan) => registration.spec.facts(config, name).durable;

function sourceLines({ name, registration, config }: SourcePlan): readonly string[] {
  const [used] = registration.spec.uses?.(config) ?? [];
  const where = used?.what === 'port' ? `${used.host ?? '*'}:${used.port}` : (used?.path ?? '');
  return [name, registration.spec.type, where];
}

function channelLines({ name, registration, config }: ChannelPlan): readonly string[] {
  return [name, registration.spec.type, registration.spec.facts(config, name).room];
}

function sinkLines({ name, registration, config }: SinkPlan): readonly string[] {
  return [name, registration.spec.type, registration.spec.facts(config).to ?? ''];
}
