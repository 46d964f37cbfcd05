import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Diagnostic, Report } from './diagnostic.ts';
import { interpolate } from './interpolate.ts';
import { javaSystemProperties } from './java-platform.ts';
import { planAgents } from './plan.ts';
import type { Plan } from './plan-types.ts';
import { type Entry, parseProperties } from './properties.ts';
import type { Registry } from './registry.ts';
import { didYouMean } from './suggest.ts';
import { type AgentTree, growTree } from './tree.ts';

/** What is loaded, and with what. */
export interface Configuration {
  /** Paths, as people wrote them; what a later file sets replaces what an earlier one set. */
  readonly files: readonly string[];
  /** Java's system properties: what `-D` sets. */
  readonly system: ReadonlyMap<string, string>;
  readonly environment: ReadonlyMap<string, string>;
  readonly registry: Registry;
  /** The agent that is to run; a wrong name is reported. */
  readonly agent?: string;
}

/** What became of it. */
export interface Loaded {
  /** The agents of which something can run; none when a file cannot be loaded at all. */
  readonly plans: ReadonlyMap<string, Plan>;
  /** By file and line. */
  readonly diagnostics: readonly Diagnostic[];
  /** The bytes of each file that was read, for showing its lines. */
  readonly texts: ReadonlyMap<string, Uint8Array>;
}

/** Reads configuration files and plans every agent in them. Never throws because of what is in them, or that they cannot be read. */
export async function loadConfiguration(configuration: Configuration): Promise<Loaded> {
  const texts = new Map<string, Uint8Array>();
  const diagnostics: Diagnostic[] = [];
  for (const file of configuration.files) {
    const format = foreignFormat(file);
    if (format !== undefined) diagnostics.push(skipped(file, format));
    else {
      try {
        texts.set(file, await readFile(file));
      } catch (error) {
        diagnostics.push(unreadable(file, error as NodeJS.ErrnoException));
      }
    }
  }
  const complete = diagnostics.every(({ severity }) => severity !== 'error');
  const planned = planTexts(texts, configuration, complete);
  return { plans: planned.plans, diagnostics: [...diagnostics, ...planned.diagnostics], texts };
}

function planTexts(texts: ReadonlyMap<string, Uint8Array>, configuration: Configuration, complete: boolean) {
  const { system, environment, registry, agent, files } = configuration;
  const diagnostics: Diagnostic[] = [];
  const entries = new Map<string, Entry>();
  let loadable = complete;
  for (const [file, bytes] of texts) {
    const parsed = parseProperties(file, bytes);
    loadable &&= parsed.readable;
    diagnostics.push(...parsed.diagnostics);
    for (const [key, entry] of parsed.entries) entries.set(key, entry);
  }

  // What a file that cannot be read would have said must not be reported as missing.
  if (!complete) return { plans: new Map<string, Plan>(), diagnostics };

  warnOfLookups(system, files, (diagnostic) => diagnostics.push(diagnostic));
  const interpolated = interpolate(entries, {
    environment,
    system: new Map([...javaSystemProperties(), ...system]),
    plainEnvironment: system.get('propertiesImplementation') === 'org.apache.flume.node.EnvVarResolverProperties',
  });
  const tree = growTree(interpolated.entries.values());
  const planned = planAgents(tree.agents, registry);
  diagnostics.push(...interpolated.diagnostics, ...tree.diagnostics, ...planned.diagnostics);
  if (agent !== undefined && !tree.agents.has(agent)) diagnostics.push(unknownAgent(agent, tree.agents, files));
  return { plans: loadable ? planned.plans : new Map<string, Plan>(), diagnostics: inOrder(diagnostics, files) };
}

function inOrder(diagnostics: readonly Diagnostic[], files: readonly string[]): readonly Diagnostic[] {
  return diagnostics.toSorted(
    ({ place: a }, { place: b }) =>
      files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
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

function warnOfLookups(system: ReadonlyMap<string, string>, files: readonly string[], report: Report): void {
  if (!system.has('lookups')) return;
  report({
    severity: 'warning',
    code: 'lookups-not-yet',
    place: startOf(files[0] ?? ''),
    subject: files[0] ?? '',
    message: `-Dlookups=${system.get('lookups')} is ignored: the prefixes in \${…} are env, sys, java and date.`,
    suggestion: `write what it would look up as a value, or as \${env:NAME}`,
  });
}

function unknownAgent(agent: string, agents: ReadonlyMap<string, AgentTree>, files: readonly string[]): Diagnostic {
  const names = [...agents.keys()];
  return {
    severity: 'error',
    code: 'unknown-agent',
    place: startOf(files[0] ?? ''),
    subject: files[0] ?? '',
    message: `There is no agent "${agent}" here; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ') || 'none at all'}.`,
    suggestion: didYouMean(agent, names) ?? 'give one of these names with -n',
  };
}
