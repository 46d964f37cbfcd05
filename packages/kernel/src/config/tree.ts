import type { Diagnostic, Place, Report } from './diagnostic.ts';
import type { Entry } from './properties.ts';
import { didYouMean, nearest } from './suggest.ts';

/** The kinds of components a key may name, in Flume's words. */
export const kinds = ['sources', 'channels', 'sinks', 'sinkgroups', 'configfilters'] as const;
export type KindName = (typeof kinds)[number];

/** What a file says of one component: its properties by name, such as `port` or `interceptors.i1.type`. */
export type Settings = ReadonlyMap<string, Entry>;

/** What the files say of one agent. */
export interface AgentTree {
  readonly name: string;
  /** Where it is first spoken of. */
  readonly place: Place;
  /** The lists of names: `a1.sources = r1 r2`. */
  readonly lists: ReadonlyMap<KindName, Entry>;
  /** The components that have at least one property, by name. */
  readonly components: Readonly<Record<KindName, ReadonlyMap<string, Settings>>>;
}

interface Tree {
  readonly agents: ReadonlyMap<string, AgentTree>;
  readonly diagnostics: readonly Diagnostic[];
}

interface Branch {
  readonly name: string;
  readonly place: Place;
  readonly lists: Map<KindName, Entry>;
  readonly components: Record<KindName, Map<string, Map<string, Entry>>>;
  /** Lines that say nothing Flume understands. */
  readonly strays: Entry[];
}

/** Sorts `<agent>.<kind>.<component>.<property>` lines into agents. A line that is none of that is ignored with a warning. */
export function growTree(entries: Iterable<Entry>): Tree {
  const branches = new Map<string, Branch>();
  const diagnostics: Diagnostic[] = [];
  for (const entry of entries) placeEntry(entry, branches, (diagnostic) => diagnostics.push(diagnostic));

  const agents = new Map<string, AgentTree>();
  for (const branch of branches.values()) {
    const speaks = branch.lists.size > 0 || kinds.some((kind) => branch.components[kind].size > 0);
    if (speaks) agents.set(branch.name, branch);
  }
  for (const branch of branches.values()) {
    if (agents.has(branch.name)) diagnostics.push(...branch.strays.map(strayLine));
    else diagnostics.push(phantom(branch, agents));
  }
  return { agents, diagnostics };
}

function placeEntry(entry: Entry, branches: Map<string, Branch>, report: Report): void {
  const { key, value } = entry;
  const dot = key.indexOf('.');
  if (dot < 1 || dot === key.length - 1) {
    report({
      severity: 'warning',
      code: 'malformed-key',
      place: entry.keyPlace,
      subject: key,
      message: `"${key}" is not a key of an agent, so the line is ignored.`,
      suggestion: /^@?includes?$/i.test(key)
        ? 'files cannot include others; give the agent several: -f FILE -f FILE'
        : 'write <agent>.sources = …, or <agent>.sources.<name>.<property> = …',
    });
    return;
  }
  if (value === '') {
    report({
      severity: 'warning',
      code: 'empty-value',
      place: entry.valuePlace,
      subject: key,
      message: `${key} has no value, so it counts as not set.`,
      suggestion: 'give it a value, or remove the line',
    });
    return;
  }

  const name = key.slice(0, dot);
  let branch = branches.get(name);
  if (branch === undefined) {
    const components = Object.fromEntries(kinds.map((kind) => [kind, new Map()])) as Branch['components'];
    branch = { name, place: entry.keyPlace, lists: new Map(), components, strays: [] };
    branches.set(name, branch);
  }

  const rest = key.slice(dot + 1);
  const kind = kinds.find((candidate) => rest === candidate || rest.startsWith(`${candidate}.`));
  if (kind === rest) {
    branch.lists.set(kind, entry);
    return;
  }
  const from = (kind?.length ?? 0) + 1;
  const nameEnd = rest.indexOf('.', from);
  if (kind === undefined || nameEnd <= from || nameEnd === rest.length - 1) {
    branch.strays.push(entry);
    return;
  }
  const component = rest.slice(from, nameEnd);
  const settings = branch.components[kind].get(component) ?? new Map<string, Entry>();
  branch.components[kind].set(component, settings.set(rest.slice(nameEnd + 1), entry));
}

function strayLine({ key, keyPlace }: Entry): Diagnostic {
  const [agent, word, ...rest] = key.split('.');
  const known = kinds.find((kind) => kind === word);
  if (known !== undefined) {
    return {
      severity: 'warning',
      code: 'malformed-key',
      place: keyPlace,
      subject: key,
      message: `"${key}" names no property, so the line is ignored.`,
      suggestion: `write ${agent}.${known}.${rest[0] || '<name>'}.type = …, or whichever property is meant`,
    };
  }
  const meant = nearest(word ?? '', kinds);
  return {
    severity: 'warning',
    code: 'unknown-kind',
    place: keyPlace,
    subject: key,
    message: `"${word}" is no kind of component, so the line is ignored.`,
    suggestion:
      meant === undefined
        ? 'an agent has sources, channels, sinks, sinkgroups and configfilters'
        : `did you mean ${[agent, meant, ...rest].join('.')}?`,
  };
}

function phantom({ name, place, strays }: Branch, agents: ReadonlyMap<string, AgentTree>): Diagnostic {
  const many = strays.length > 1 ? `the ${strays.length} lines of "${name}" are` : 'the line is';
  return {
    severity: 'warning',
    code: 'phantom-agent',
    place,
    subject: name,
    message: `"${name}" would be an agent that has nothing, so ${many} ignored.`,
    suggestion:
      (kinds.some((kind) => kind === name)
        ? `write the name of the agent before it: ${[...agents.keys()][0] ?? 'a1'}.${strays[0]!.key}`
        : undefined) ??
      didYouMean(name, agents.keys()) ??
      'keys of other programs do not belong in this file; remove them, or make them comments',
  };
}
