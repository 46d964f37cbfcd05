import type { ChannelPlan, Plan } from '@millrace/kernel/config/plan-types';
import { claimsOf, clashesOf } from '@millrace/kernel/config/resources';

/** Something that is right as it is written, and that whoever runs it had better know. */
export interface Note {
  /** The components it is about, such as `a1.channels.c1`. */
  readonly about: readonly string[];
  readonly text: string;
}

/** What is worth knowing of agents that are right. */
export function notesOn(plans: readonly Plan[]): readonly Note[] {
  const channels = plans.flatMap((plan) => plan.channels);
  return [...unsetLimits(channels), ...plans.flatMap(lostOrder), ...agentsThatMeet(plans)];
}

/** Limits that nobody has set, those that are the same together. */
function unsetLimits(channels: readonly ChannelPlan[]): readonly Note[] {
  const unset = Map.groupBy(channels, ({ registration, config, name }) => registration.spec.facts(config, name).unset);
  return [...unset].flatMap(([text, same]) =>
    text === undefined ? [] : [{ about: same.map(({ id }) => id), text: same.length > 1 ? `${text} each` : text }],
  );
}

/** Where the order of events of one sender does not hold. */
function lostOrder({ channels, sinks }: Plan): readonly Note[] {
  const takers = Map.groupBy(sinks, ({ channel }) => channel);
  const shared = channels.flatMap(({ id, name }) => {
    const names = takers.get(name)?.map((sink) => sink.name) ?? [];
    if (names.length < 2) return [];
    return [
      { about: [id], text: `${names.join(', ')} take from it side by side, which does not keep events in order` },
    ];
  });
  const parallel = sinks.flatMap(({ id, registration, config }) => {
    const disorder = registration.spec.facts(config).disorder;
    return disorder === undefined ? [] : [{ about: [id], text: disorder.replace(/\.$/, '') }];
  });
  return [...shared, ...parallel];
}

/** Ports and directories of several agents: no mistake, for each may have a host of its own. */
function agentsThatMeet(plans: readonly Plan[]): readonly Note[] {
  const agentOf = new Map<string, string>();
  const claims = plans.flatMap(({ agent, channels, sources, sinks }) =>
    [...channels, ...sources, ...sinks].flatMap((plan) => {
      agentOf.set(plan.id, agent);
      return claimsOf(plan);
    }),
  );
  return clashesOf(claims)
    .filter(({ first, second, how }) => how === 'both' && agentOf.get(first.id) !== agentOf.get(second.id))
    .map(({ first, second, what }) => ({
      about: [first.id, second.id],
      text: `both have ${what}, so the two agents cannot run on one host`,
    }));
}
