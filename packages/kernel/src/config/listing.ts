import { adviceOnName } from './advice.ts';
import type { Place, Report } from './diagnostic.ts';
import { hashSetOrder, type ListedName, splitNames } from './java-text.ts';
import { type Entry, placeInValue } from './properties.ts';
import { nearest } from './suggest.ts';
import type { AgentTree, KindName, Settings } from './tree.ts';

/** A component that is both listed and defined. */
export interface Listed {
  readonly name: string;
  /** Such as `a1.sources.r1`. */
  readonly id: string;
  readonly settings: Settings;
  /** Its first line. */
  readonly place: Place;
}

const singular: Readonly<Record<KindName, string>> = {
  sources: 'Source',
  channels: 'Channel',
  sinks: 'Sink',
  sinkgroups: 'Sink group',
  configfilters: 'Config filter',
};

/** The components of a kind that an agent is to run, in Flume's order. Those only listed, or only defined, are reported. */
export function listedComponents(agent: AgentTree, kind: KindName, report: Report): readonly Listed[] {
  const list = agent.lists.get(kind);
  const defined = agent.components[kind];
  const names = list === undefined ? [] : namesOf(kind, list);
  const listed = new Set(names.map(({ name }) => name));
  const unlisted = [...defined.keys()].filter((name) => !listed.has(name));

  const meant = new Set<string>();
  for (const listedName of upToComment(names)) {
    const { name } = listedName;
    if (defined.has(name)) continue;
    const near = nearest(name, unlisted);
    reportUndefined(agent, kind, list!, listedName, near, report);
    for (const part of [...name.split(/[,;]/), near]) if (part !== undefined) meant.add(part);
  }
  for (const name of unlisted) if (!meant.has(name)) reportUnlisted(agent, kind, list, name, report);
  return hashSetOrder([...listed])
    .filter((name) => defined.has(name))
    .map((name) => theComponent(agent, kind, name));
}

/** The names up to the first that begins a comment: one mistake is told once, not for each of its words. */
export function upToComment(names: readonly ListedName[]): readonly ListedName[] {
  const comment = names.findIndex(({ name }) => /^[#!]/.test(name));
  return comment < 0 ? names : names.slice(0, comment + 1);
}

/** The channels an agent has; where it forgot to list them, all it defines, so that the rest can be looked at. */
export function listedChannels(agent: AgentTree, report: Report): readonly Listed[] {
  if (agent.lists.has('channels')) return listedComponents(agent, 'channels', report);
  const names = [...agent.components.channels.keys()];
  report({
    severity: 'error',
    code: 'no-channels',
    place: agent.place,
    subject: `${agent.name}.channels`,
    message: `Agent ${agent.name} lists no channels, so nothing of it runs.`,
    suggestion: `add ${agent.name}.channels = ${names.length > 0 ? names.join(' ') : 'c1, and define channel c1'}`,
  });
  return names.map((name) => theComponent(agent, 'channels', name));
}

/** A component that has properties. */
export function theComponent(agent: AgentTree, kind: KindName, name: string): Listed {
  const settings = agent.components[kind].get(name)!;
  const [first] = settings.values();
  return { name, id: `${agent.name}.${kind}.${name}`, settings, place: first!.keyPlace };
}

function namesOf(kind: KindName, { value }: Entry): readonly ListedName[] {
  if (kind !== 'sinkgroups') return splitNames(value);
  // Flume splits this one list at spaces only.
  return [...value.matchAll(/[^ ]+/g)].map(({ 0: name, index }) => ({ name, index }));
}

function reportUndefined(
  agent: AgentTree,
  kind: KindName,
  list: Entry,
  { name, index }: ListedName,
  near: string | undefined,
  report: Report,
): void {
  report({
    severity: 'error',
    code: 'undefined-component',
    place: placeInValue(list, index),
    subject: `${agent.name}.${kind}.${name}`,
    message: `${singular[kind]} ${name} is listed, but has no properties. It is dropped.`,
    suggestion:
      adviceOnName(name) ??
      (near === undefined
        ? `set ${agent.name}.${kind}.${name}.type, or take it off the list`
        : `did you mean "${near}"?`),
  });
}

function reportUnlisted(agent: AgentTree, kind: KindName, list: Entry | undefined, name: string, report: Report): void {
  report({
    severity: 'warning',
    code: 'unlisted-component',
    place: theComponent(agent, kind, name).place,
    subject: `${agent.name}.${kind}.${name}`,
    message: `${singular[kind]} ${name} is defined, but ${agent.name}.${kind} does not list it, so it does not run.`,
    suggestion: `write ${agent.name}.${kind} = ${list === undefined ? '' : `${list.value} `}${name}`,
  });
}
