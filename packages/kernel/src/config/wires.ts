import { adviceOnName } from './advice.ts';
import type { Place, Report } from './diagnostic.ts';
import type { ListedName } from './java-text.ts';
import type { Listed } from './listing.ts';
import type { Unwired } from './plan-component.ts';
import type { ChannelPlan } from './plan-types.ts';
import { type Entry, placeInValue } from './properties.ts';
import { didYouMean } from './suggest.ts';

/** The channels of an agent: those that can run, and the names of all that are listed. */
export interface Channels {
  readonly usable: ReadonlyMap<string, ChannelPlan>;
  readonly named: ReadonlySet<string>;
  /** Where each of these begins that has properties. */
  readonly places: ReadonlyMap<string, Place>;
  /** The names of those that are defined, but not listed. */
  readonly unlisted: ReadonlySet<string>;
}

/** Says that a source or sink names a channel it cannot have. */
export function reportNoChannel(
  entry: Entry,
  { name, index }: ListedName,
  { named, places, unlisted }: Channels,
  consequence: string,
  report: Report,
): void {
  const lost = named.has(name);
  const toList = unlisted.has(name) ? `add ${name} to the agent’s list of channels` : undefined;
  const suggestion = lost
    ? `mend channel ${name}${places.has(name) ? `: what is wrong with it is told from line ${places.get(name)!.line} on` : ''}`
    : (toList ?? adviceOnName(name) ?? didYouMean(name, named) ?? `define channel ${name}, and list it`);
  report({
    severity: 'error',
    code: lost ? 'lost-channel' : 'unknown-channel',
    place: placeInValue(entry, index),
    subject: entry.key,
    message: `${lost ? `Channel ${name} is dropped` : `There is no channel ${name}`}. ${consequence}`,
    suggestion,
  });
}

/** Whether every transaction a source or sink makes fits each of its channels, where both say how large theirs are. */
export function fits(
  component: Listed,
  { registration, config }: Unwired,
  channels: readonly ChannelPlan[],
  consequence: string,
  report: Report,
): boolean {
  const batch = boundOf(registration.spec, config);
  const tooSmall = channels.filter((channel) => {
    const capacity = boundOf(channel.registration.spec, channel.config);
    return batch !== undefined && capacity !== undefined && batch.events > capacity.events;
  });
  for (const channel of tooSmall) {
    const capacity = boundOf(channel.registration.spec, channel.config)!;
    const entry = component.settings.get(batch!.name) ?? component.settings.get('type');
    report({
      severity: 'error',
      code: 'batch-too-large',
      place: entry?.valuePlace ?? component.place,
      subject: `${component.id}.${batch!.name}`,
      message: `${batch!.name} of ${component.id} (${batch!.events}) is more than ${capacity.name} of channel ${channel.name} (${capacity.events}). ${consequence}`,
      suggestion: `set ${batch!.name} to at most ${capacity.events}, or ${channel.id}.${capacity.name} to at least ${batch!.events}`,
    });
  }
  return tooSmall.length === 0;
}

function boundOf(spec: Unwired['registration']['spec'], config: Unwired['config']) {
  if (spec.batch === undefined) return undefined;
  const events = config[spec.batch];
  return typeof events === 'number' ? { name: spec.properties[spec.batch]!.name, events } : undefined;
}
