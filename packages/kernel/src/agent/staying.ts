import { type Changes, channelsOf } from '../config/compare.ts';
import type { ChannelPlan, Plan, SinkPlan, SourcePlan } from '../config/plan-types.ts';

/** The ids of what a reload ends, for good or to begin it anew. */
export function endedBy({ changes }: Changes): ReadonlySet<string> {
  return new Set(changes.filter(({ what }) => what !== 'start').map(({ id }) => id));
}

/** A channel that is not in the configuration any more, and the sinks that were to take from it when it was. */
export interface Retiring {
  readonly channel: ChannelPlan;
  readonly sinks: readonly SinkPlan[];
}

/**
 * The channels that go and would take events with them, though they have sinks to deliver those: some that had to stay before, then those of
 * the last plan. The oldest is first.
 */
export function retiringChannels(
  before: readonly Retiring[],
  { last, next }: { readonly last: Plan; readonly next: Plan },
  atStake: (channel: string) => number,
): Retiring[] {
  const staying = new Set(next.channels.map(({ name }) => name));
  const leaving = last.channels.map((channel) => {
    return { channel, sinks: last.sinks.filter((sink) => sink.channel === channel.name) };
  });
  return [...before, ...leaving].filter(
    ({ channel: { name }, sinks }) => !staying.has(name) && sinks.length > 0 && atStake(name) > 0,
  );
}

/**
 * The next plan with channels that go, and their sinks: with their next settings where they have some, but at the old channel. A sink that
 * several of them need is at the first.
 */
export function withRetiring(next: Plan, retiring: readonly Retiring[]): Plan {
  const planned = byId(next.sinks);
  const sinks = retiring.flatMap(({ channel, sinks }) =>
    sinks.map((sink) => ({ ...(planned.get(sink.id) ?? sink), channel: channel.name })),
  );
  const channels = retiring.map(({ channel }) => channel);
  return { ...next, channels: merged(next.channels, channels), sinks: merged(next.sinks, sinks.reverse()) };
}

/** The next plan, but for components whose threads do not end: they, and the channels they may be in, stay as they are. */
export function withStuck(running: Plan, next: Plan, ids: ReadonlySet<string>): Plan {
  const sinks = running.sinks.filter(({ id }) => ids.has(id));
  const sources = running.sources.filter(({ id }) => ids.has(id));
  const names = new Set([...sinks, ...sources].flatMap(channelsOf));
  return {
    ...next,
    channels: merged(
      next.channels,
      running.channels.filter(({ name }) => names.has(name)),
    ),
    sinks: merged(next.sinks, sinks),
    sources: merged(next.sources, sources),
  };
}

/** Plans in their order, some in the place of those with the same id, and behind them the rest of these. */
function merged<Of extends ChannelPlan | SinkPlan | SourcePlan>(plans: readonly Of[], instead: readonly Of[]): Of[] {
  return [...byId([...plans, ...instead]).values()];
}

function byId<Of extends { readonly id: string }>(plans: readonly Of[]): Map<string, Of> {
  return new Map(plans.map((plan) => [plan.id, plan]));
}
