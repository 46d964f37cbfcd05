import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Diagnostic } from './diagnostic.ts';
import { interpolate } from './interpolate.ts';
import { javaSystemProperties } from './java-platform.ts';
import { planAgents } from './plan.ts';
import type { Plan } from './plan-types.ts';
import { parseProperties } from './properties.ts';
import { readConfigurationFile } from './read-file.ts';
import type { Registry } from './registry.ts';
import { didYouMean } from './suggest.ts';
import { type AgentTree, growTree } from './tree.ts';

/** With what configurations are planned. */
export interface PlanOptions {
  readonly registry: Registry;
  /** Java's system properties: what `-D` sets. */
  readonly system: ReadonlyMap<string, string>;
  readonly environment: ReadonlyMap<string, string>;
  /** The agent that is to run; a wrong name is reported. */
  readonly agent?: string;
  /** The path that a path leads to, behind all links; without it links are not followed. */
  readonly realPath?: (path: string) => string;
}

/** What became of a configuration. */
export interface Planned {
  /** The agents of which something can run; none when a file cannot be loaded at all. */
  readonly plans: ReadonlyMap<string, Plan>;
  /** What the files say of each agent they speak of. */
  readonly agents: ReadonlyMap<string, AgentTree>;
  /** By file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface LoadOptions extends PlanOptions {
  /** Paths, as people wrote them; what a later file sets replaces what an earlier one set. */
  readonly files: readonly string[];
}

export interface Loaded extends Planned {
  /** The bytes of each file that was read, for showing its lines. */
  readonly texts: ReadonlyMap<string, Uint8Array>;
}

/** Reads configuration files and plans every agent in them. Never throws because of what is in them, or that they cannot be read. */
export async function loadConfiguration({ files, ...options }: LoadOptions): Promise<Loaded> {
  const texts = new Map<string, Uint8Array>();
  const diagnostics: Diagnostic[] = [];
  for (const file of files) {
    const format = foreignFormat(file);
    if (format !== undefined) {
      diagnostics.push(skipped(file, format));
      continue;
    }
    try {
      texts.set(file, await readConfigurationFile(file));
    } catch (error) {
      diagnostics.push(unreadable(file, error as NodeJS.ErrnoException));
    }
  }
  // What an unreadable file would have said must not be reported as missing.
  if (diagnostics.some(({ severity }) => severity === 'error')) {
    return { plans: new Map(), agents: new Map(), diagnostics, texts };
  }
  const planned = planTexts(texts, { realPath, ...options });
  return { ...planned, diagnostics: [...diagnostics, ...planned.diagnostics], texts };
}

/** Plans every agent in the texts of properties files, merged in their order. */
export function planTexts(texts: ReadonlyMap<string, Uint8Array>, options: PlanOptions): Planned {
  const { system, environment, registry, agent, realPath = resolve } = options;
  const files = [...texts.keys()];
  const parsed = [...texts].map(([file, bytes]) => parseProperties(file, bytes));
  const merged = new Map(parsed.flatMap(({ entries }) => [...entries]));
  const interpolated = interpolate(merged, {
    environment,
    system: new Map([...javaSystemProperties(), ...system]),
    plainEnvironment: system.get('propertiesImplementation') === 'org.apache.flume.node.EnvVarResolverProperties',
  });
  const tree = growTree(interpolated.entries.values());
  const planned = planAgents(tree.agents, { registry, globals: { system, environment }, realPath });

  const diagnostics = [
    ...parsed.flatMap((file) => file.diagnostics),
    ...interpolated.diagnostics,
    ...tree.diagnostics,
    ...planned.diagnostics,
  ].sort(byPlace(files));
  if (system.has('lookups')) diagnostics.push(lookupsIgnored(system.get('lookups')!, files));
  const loadable = parsed.every(({ readable }) => readable);
  if (files.length > 0 && tree.agents.size === 0) diagnostics.push(...(loadable ? [noAgents(files)] : []));
  else if (agent !== undefined && !tree.agents.has(agent)) diagnostics.push(unknownAgent(agent, tree.agents, files));
  return { plans: loadable ? planned.plans : new Map(), agents: tree.agents, diagnostics };
}

/** What became of one agent: without the other agents in the files, and without what is said of these. */
export function onlyAgent(name: string, { plans, agents, diagnostics, texts }: Loaded): Loaded {
  const only = <Of>(all: ReadonlyMap<string, Of>) => new Map([...all].filter(([agent]) => agent === name));
  return {
    plans: only(plans),
    agents: only(agents),
    diagnostics: diagnostics.filter(({ subject, place }) => {
      const [owner = ''] = subject.split('.', 1);
      return owner === name || !agents.has(owner) || subject === place.file;
    }),
    texts,
  };
}

/** Follows links as far as the path exists. */
function realPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(realPath(parent), basename(whole));
  }
}

function byPlace(files: readonly string[]) {
  return ({ place: a }: Diagnostic, { place: b }: Diagnostic) =>
    files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column;
}

/** Flume looks at what follows the first dot of the whole path, so `/etc/flume.d/a.json` is a properties file to it. */
function foreignFormat(file: string): string | undefined {
  const path = resolve(file);
  const dot = path.indexOf('.');
  const extension = dot < 0 ? '' : path.slice(dot + 1);
  return ['json', 'yaml', 'xml'].includes(extension) ? extension : undefined;
}

const startOf = (file: string) => ({ file, line: 1, column: 1 });

function skipped(file: string, format: string): Diagnostic {
  return {
    severity: 'warning',
    code: 'foreign-format',
    place: startOf(file),
    subject: file,
    message: `${file} is skipped, as Flume skips it: its name says that it is ${format}, and a configuration is a properties file.`,
    suggestion: 'rename it if it is one',
  };
}

const readAdvice: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; look at the path',
  EACCES: 'the user who starts the agent may not read it; change its permissions',
  EISDIR: 'it is a directory; name the file in it',
  ELOOP: 'it is a symbolic link that leads back to itself; look where it shall lead',
  EFBIG: 'it has more than 32 MiB, which no configuration has; look at the path',
  ETIMEDOUT: 'it is a pipe, and nobody has written all of a configuration into it; give a file',
};

function unreadable(file: string, { code, message }: NodeJS.ErrnoException): Diagnostic {
  return {
    severity: 'error',
    code: 'unreadable-file',
    place: startOf(file),
    subject: file,
    message: `${file} cannot be read (${code ?? message}).`,
    suggestion: readAdvice[code ?? ''] ?? 'look at the path and the disk',
  };
}

function lookupsIgnored(lookups: string, files: readonly string[]): Diagnostic {
  const file = files[0] ?? '';
  return {
    severity: 'warning',
    code: 'lookups-not-yet',
    place: startOf(file),
    subject: file,
    message: `-Dlookups=${lookups} is ignored: the prefixes in \${…} are env, sys, java and date.`,
    suggestion: `write what it would look up as a value, or as \${env:NAME}`,
  };
}

function noAgents(files: readonly string[]): Diagnostic {
  const [file = ''] = files;
  return {
    severity: 'error',
    code: 'no-agents',
    place: startOf(file),
    subject: file,
    message: `${files.join(', ')} describes no agent.`,
    suggestion: 'an agent begins with its lists of names, such as a1.sources = r1, a1.channels = c1 and a1.sinks = k1',
  };
}

function unknownAgent(agent: string, agents: ReadonlyMap<string, AgentTree>, files: readonly string[]): Diagnostic {
  const names = [...agents.keys()];
  const file = files[0] ?? '';
  return {
    severity: 'error',
    code: 'unknown-agent',
    place: startOf(file),
    subject: file,
    message: `There is no agent "${agent}" in ${files.join(', ') || 'no file'}, only ${names.join(', ') || 'nothing'}.`,
    suggestion: didYouMean(agent, names) ?? 'give the name of an agent that is there with -n',
  };
}
