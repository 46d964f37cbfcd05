import type { Diagnostic } from '@millrace/kernel/config/diagnostic';
import { splitNames } from '@millrace/kernel/config/java-text';
import type { Loaded } from '@millrace/kernel/config/load';
import type { Plan } from '@millrace/kernel/config/plan-types';
import { diagnosticObjects, renderDiagnostics } from '@millrace/kernel/config/render';
import { count, whole } from '@millrace/kernel/words';
import { type Note, notesOn } from './notes.ts';

const kinds = ['sources', 'channels', 'sinks'] as const;
type Numbers = Readonly<Record<(typeof kinds)[number], number>>;

interface CheckedAgent extends Numbers {
  readonly name: string;
  /** What it lists and would not run, such as `source r1`. */
  readonly without: readonly string[];
}

/** What a look at some files has brought to light. */
export interface Result {
  readonly files: readonly string[];
  readonly agents: readonly CheckedAgent[];
  readonly errors: number;
  readonly warnings: number;
  readonly diagnostics: readonly Diagnostic[];
  readonly notes: readonly Note[];
}

/** What is to be said of what has been read. */
export function resultOf(files: readonly string[], loaded: Loaded): Result {
  const { agents, plans, diagnostics } = loaded;
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  return {
    files,
    agents: [...agents.keys()].map((agent) => checkedAgent(agent, loaded)),
    errors,
    warnings: diagnostics.length - errors,
    diagnostics,
    notes: notesOn([...plans.values()]),
  };
}

function checkedAgent(name: string, { agents, plans }: Loaded): CheckedAgent {
  const plan: Omit<Plan, 'agent'> = plans.get(name) ?? { sources: [], channels: [], sinks: [] };
  const without = kinds.flatMap((kind) => {
    const running = new Set(plan[kind].map((component) => component.name));
    const listed = splitNames(agents.get(name)?.lists.get(kind)?.value ?? '');
    return listed.filter((one) => !running.has(one.name)).map((one) => `${kind.slice(0, -1)} ${one.name}`);
  });
  const { sources, channels, sinks } = plan;
  return { name, sources: sources.length, channels: channels.length, sinks: sinks.length, without };
}

/** The result as an object, for programs. */
export function resultObject({ diagnostics, ...result }: Result): object {
  return { ...result, diagnostics: diagnosticObjects(diagnostics) };
}

/** The result for people: each mistake, then in one line what was looked at, then what is worth knowing. */
export function resultText(result: Result, texts: Loaded['texts']): string {
  const { diagnostics, notes } = result;
  const found = diagnostics.length === 0 ? '' : `${renderDiagnostics(diagnostics, texts)}\n\n`;
  const known = notes.map(({ about, text }) => `  ${shortened(about)}: ${text}\n`);
  return `${found}${summary(result)}\n${known.length === 0 ? '' : `Worth knowing:\n${known.join('')}`}`;
}

function summary({ files, agents, errors, warnings }: Result): string {
  const where = shortened(files);
  if (errors === 0) {
    const found = warnings === 0 ? 'Nothing wrong' : count(warnings, 'warning');
    return `${found} in ${where}: ${names(agents)} with ${numbers(agents)}.`;
  }
  const found = [count(errors, 'error'), ...(warnings > 0 ? [count(warnings, 'warning')] : [])].join(' and ');
  const outcomes = agents.filter(({ without }) => without.length > 0).map(outcome);
  if (outcomes.length === 0 && agents.length > 0)
    outcomes.push('Everything listed would run, though not as it is written.');
  return [`${found} in ${where}.`, ...outcomes].join(' ');
}

function outcome({ name, without, ...agent }: CheckedAgent): string {
  if (kinds.every((kind) => agent[kind] === 0)) return `Nothing of agent ${name} would run.`;
  return `Agent ${name} would run without ${shortened(without)}.`;
}

function names(agents: readonly CheckedAgent[]): string {
  const all = agents.map(({ name }) => name);
  return agents.length === 1 ? `agent ${all[0]}` : `agents ${shortened(all)}`;
}

function numbers(agents: readonly CheckedAgent[]): string {
  return kinds
    .map((kind) =>
      count(
        agents.reduce((sum, agent) => sum + agent[kind], 0),
        kind.slice(0, -1),
      ),
    )
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' and ');
}

const SHOWN_MAX = 5;

/** A list, of which a long one is cut. */
function shortened(all: readonly string[]): string {
  const more = all.length - SHOWN_MAX;
  return more > 0 ? `${all.slice(0, SHOWN_MAX).join(', ')} and ${whole(more)} more` : all.join(', ');
}
