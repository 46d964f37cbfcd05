import { splitNames } from './java-text.ts';
import { listedComponents } from './listing.ts';
import type { Planning } from './plan-component.ts';

/** The sinks of an agent that must not run because the group they belong to cannot: alone they would not do what it stands for. */
export function sinksOfGroups({ agent, report }: Planning): ReadonlySet<string> {
  const claimed = new Set<string>();
  for (const { name, id, settings, place } of listedComponents(agent, 'sinkgroups', report)) {
    const entry = settings.get('sinks');
    const members = splitNames(entry?.value ?? '').map((member) => member.name);
    for (const member of members) claimed.add(member);
    report({
      severity: 'error',
      code: 'sink-groups-not-yet',
      place: entry?.keyPlace ?? place,
      subject: id,
      message:
        entry === undefined
          ? `Sink group ${name} has no sinks, and there are no sink groups yet. It is dropped.`
          : `Flume has sink groups, this Millrace does not have them yet. Sink group ${name} is dropped, and ${sinks(members)} with it.`,
      suggestion: `take ${name} off ${agent.name}.sinkgroups to run each of its sinks for itself`,
    });
  }
  return claimed;
}

function sinks(members: readonly string[]): string {
  return members.length === 1 ? `its sink ${members[0]}` : `its sinks ${members.join(', ')}`;
}
