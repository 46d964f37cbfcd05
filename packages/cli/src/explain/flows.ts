import type { ChannelPlan, Plan, SinkPlan, SourcePlan } from '@millrace/kernel/config/plan-types';

/** A part of an agent that shares nothing with the rest: channels, and the sources and sinks at them. */
export interface Flow {
  /** In the order of their first channels. */
  readonly sources: readonly SourcePlan[];
  readonly channels: readonly ChannelPlan[];
  /** In the order of their channels. */
  readonly sinks: readonly SinkPlan[];
}

/** The channels a source puts into, whether or not they must have its events. */
export const targetsOf = ({ required, optional }: SourcePlan) => [...required, ...optional];

/** The flows of an agent. */
export function flowsOf({ sources, channels, sinks }: Plan): readonly Flow[] {
  const flowOf = new Map(channels.map(({ name }) => [name, new Set([name])]));
  for (const source of sources) {
    const [first, ...others] = targetsOf(source);
    const joined = flowOf.get(first!)!;
    for (const other of others) {
      for (const name of flowOf.get(other)!) flowOf.set(name, joined.add(name));
    }
  }
  return [...new Set(flowOf.values())].map((names) => {
    const own = channels.filter(({ name }) => names.has(name));
    return {
      sources: sources
        .filter((source) => names.has(targetsOf(source)[0]!))
        .sort((a, b) => firstTarget(a, own) - firstTarget(b, own)),
      channels: own,
      sinks: own.flatMap(({ name }) => sinks.filter(({ channel }) => channel === name)),
    };
  });
}

function firstTarget(source: SourcePlan, channels: readonly ChannelPlan[]): number {
  const targets = targetsOf(source);
  return channels.findIndex(({ name }) => targets.includes(name));
}
