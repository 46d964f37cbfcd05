import { splitNames } from './java-text.ts';
import { theComponent } from './listing.ts';
import type { Planning } from './plan-component.ts';
import type { ChannelPlan, SinkPlan } from './plan-types.ts';
import type { AgentTree } from './tree.ts';
import type { Channels } from './wires.ts';

/** Warns of every channel that nobody fills, nobody empties, or neither. */
export function reportLooseEnds(channels: Channels, { agent, report }: Planning): void {
  const filled = channelsNamedBy('sources', agent, channels);
  const emptied = channelsNamedBy('sinks', agent, channels);
  for (const channel of channels.usable.values()) {
    const { name } = channel;
    const [isFilled, isEmptied] = [filled?.has(name) ?? true, emptied?.has(name) ?? true];
    if (isFilled && isEmptied) continue;
    const { place, id } = theComponent(agent, 'channels', name);
    const loose = { severity: 'warning', place, subject: id } as const;
    if (!isFilled && !isEmptied) {
      report({
        ...loose,
        code: 'unused-channel',
        message: `No source puts into channel ${name} and no sink takes from it, so it is not started.`,
        suggestion: `name ${name} in the channels of a source and as the channel of a sink`,
      });
    } else if (isFilled) {
      report({
        ...loose,
        code: 'channel-never-emptied',
        message: `No sink takes from channel ${name}: once it is full, its sources are refused for ever.`,
        suggestion: `set the channel of a sink to ${name}, or take ${name} off the channels of its sources`,
      });
    } else {
      report({
        ...loose,
        code: 'channel-never-filled',
        message: `No source puts into channel ${name}: its sinks get ${isDurable(channel) ? 'what it still holds, and nothing more' : 'nothing'}.`,
        suggestion: `name ${name} in the channels of a source`,
      });
    }
  }
}

/** The channels that the sources or sinks of an agent name, dropped ones too; undefined when one of them names none that is there, which is told already. */
function channelsNamedBy(
  kind: 'sources' | 'sinks',
  agent: AgentTree,
  { named }: Channels,
): ReadonlySet<string> | undefined {
  const components = agent.components[kind];
  const listed = splitNames(agent.lists.get(kind)?.value ?? '');
  if (listed.some(({ name }) => !components.has(name))) return undefined;
  const found = new Set<string>();
  for (const settings of components.values()) {
    const entry = settings.get(kind === 'sources' ? 'channels' : 'channel');
    const names = splitNames(entry?.value ?? '').map(({ name }) => name);
    if (names.length === 0 || !named.isSupersetOf(new Set(names))) return undefined;
    for (const name of names) found.add(name);
  }
  return found;
}

function isDurable({ registration, config, name }: ChannelPlan): boolean {
  return registration.spec.facts(config, name).durable;
}

/** Warns of sinks of different types at one channel: who writes that mostly expects both to get every event. */
export function reportSplits(sinks: readonly SinkPlan[], { agent, report }: Planning): void {
  for (const [channel, takers] of Map.groupBy(sinks, (sink) => sink.channel)) {
    const [first] = takers;
    const other = takers.find(({ registration }) => registration.spec !== first!.registration.spec);
    if (other === undefined) continue;
    const { settings, place } = theComponent(agent, 'sinks', other.name);
    const named = ({ name, registration }: SinkPlan) => `${name} (${registration.spec.type})`;
    report({
      severity: 'warning',
      code: 'split-channel',
      place: settings.get('channel')?.valuePlace ?? place,
      subject: `${other.id}.channel`,
      message: `${named(first!)} and ${named(other)} take from one channel, ${channel}: each event goes to one of them, not to both.`,
      suggestion: `to give every event to both, give ${other.name} a channel of its own, and name both channels in the channels of the source`,
    });
  }
}
