import { type Changes, channelsOf } from './config/compare.ts';
import type { ChannelPlan, Plan, SinkPlan, SourcePlan } from './config/plan-types.ts';

/** The ids of what a reload ends, for good or to begin it anew. */
export function endedBy({ changes }: Changes): ReadonlySet<string> {
  return new Set(changes.filter(({ what }) => what !== 'start').map(({ id }) => id));
}

/** Channels that go and would take events with them which the sinks they have can still deliver. */
export function retiringChannels(running: Plan, next: Plan, atStake: (channel: string) => number): ChannelPlan[] {
  const staying = new Set(next.channels.map(({ name }) => name));
  const emptied = new Set(running.sinks.map(({ channel }) => channel));
  return running.channels.filter(({ name }) => !staying.has(name) && emptied.has(name) && atStake(name) > 0);
}

/** The next plan with channels that go, and their sinks: with their next settings where they have some, but at the old channel. */
export function withRetiring(running: Plan, next: Plan, retiring: readonly ChannelPlan[]): Plan {
  const names = new Set(retiring.map(({ name }) => name));
  const planned = byId(next.sinks);
  const sinks = running.sinks
    .filter(({ channel }) => names.has(channel))
    .map((sink) => ({ ...(planned.get(sink.id) ?? sink), channel: sink.channel }));
  return { ...next, channels: merged(next.channels, retiring), sinks: merged(next.sinks, sinks) };
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
