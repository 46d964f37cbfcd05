import type { Diagnostic, Report } from './diagnostic.ts';
import { splitNames } from './java-text.ts';
import { listedChannels, listedComponents, theComponent } from './listing.ts';
import { reportLooseEnds, reportSplits } from './loose-ends.ts';
import { type Planning, planComponent } from './plan-component.ts';
import { planSink } from './plan-sink.ts';
import { planSource } from './plan-source.ts';
import type { ChannelPlan, Plan, SinkPlan, SourcePlan } from './plan-types.ts';
import { type Claim, claimsOf, monitoringClaim, reportClashes } from './resources.ts';
import { sinksOfGroups } from './sink-groups.ts';
import { didYouMean } from './suggest.ts';
import type { AgentTree, KindName } from './tree.ts';
import type { Channels } from './wires.ts';

interface Planned {
  /** The agents of which something can run. */
  readonly plans: ReadonlyMap<string, Plan>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Plans what each agent shall run, and reports every mistake at once. What is bad is dropped, what cannot be without it goes
 * too, and the rest runs.
 */
export function planAgents(
  agents: ReadonlyMap<string, AgentTree>,
  { registry, globals, realPath }: Pick<Planning, 'registry' | 'globals' | 'realPath'>,
): Planned {
  const plans = new Map<string, Plan>();
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);
  for (const agent of agents.values()) {
    const plan = agent.lists.size === 0 ? undefined : planAgent({ agent, registry, report, globals, realPath });
    if (agent.lists.size === 0) report(noLists(agent, agents));
    if (plan !== undefined) plans.set(agent.name, plan);
  }
  return { plans, diagnostics };
}

function planAgent(planning: Planning): Plan | undefined {
  const { agent, report } = planning;
  reportFilters(planning);
  const channels = planChannels(planning);
  const sources = listedComponents(agent, 'sources', report)
    .map((source) => planSource(source, channels, planning))
    .filter((source) => source !== undefined);
  const grouped = sinksOfGroups(planning);
  const sinks = listedComponents(agent, 'sinks', report)
    .map((sink) => planSink(sink, channels, planning))
    .filter((sink) => sink !== undefined)
    .filter(({ name }) => !grouped.has(name));

  if (!agent.lists.has('channels')) return undefined;
  if (sources.length === 0 && sinks.length === 0) {
    if (!agent.lists.has('sources') && !agent.lists.has('sinks')) report(noSourcesOrSinks(agent));
    return undefined;
  }
  const plan = { agent: agent.name, channels: usedChannels(channels, sources, sinks), sources, sinks };
  reportLooseEnds(channels, planning);
  reportSplits(sinks, planning);
  reportClashes(claimsOfAll(plan, planning), report);
  return plan;
}

function noSourcesOrSinks({ name, place }: AgentTree): Diagnostic {
  return {
    severity: 'error',
    code: 'nothing-to-run',
    place,
    subject: name,
    message: `Agent ${name} lists neither sources nor sinks, so nothing of it runs.`,
    suggestion: `add ${name}.sources = … and ${name}.sinks = …`,
  };
}

/** An agent that only some lines speak of, which mostly is another one misspelt. */
function noLists({ name, place }: AgentTree, agents: ReadonlyMap<string, AgentTree>): Diagnostic {
  const others = [...agents.values()].filter(({ lists }) => lists.size > 0).map((agent) => agent.name);
  return {
    severity: 'error',
    code: 'agent-without-lists',
    place,
    subject: name,
    message: `Agent ${name} has no lists of names, so nothing of it runs.`,
    suggestion: didYouMean(name, others) ?? `add ${name}.sources = …, ${name}.channels = … and ${name}.sinks = …`,
  };
}

/** What the components of an agent need of the host. */
function claimsOfAll({ channels, sources, sinks }: Plan, { agent, globals, realPath }: Planning): readonly Claim[] {
  const kinds = [...Object.entries({ channels, sources, sinks })] as const;
  const claims = kinds.flatMap(([kind, plans]) =>
    plans.flatMap((plan) => claimsOf(plan, theComponent(agent, kind as KindName, plan.name), realPath)),
  );
  return [...monitoringClaim(globals.system), ...claims];
}

function planChannels(planning: Planning): Channels {
  const usable = new Map<string, ChannelPlan>();
  const listed = listedChannels(planning.agent, planning.report);
  for (const channel of listed) {
    const plan = planComponent('channel', channel, planning);
    if (plan !== undefined) usable.set(channel.name, plan);
  }
  const places = new Map(listed.map(({ name, place }) => [name, place]));
  const list = planning.agent.lists.get('channels');
  const named = new Set(list === undefined ? usable.keys() : splitNames(list.value).map(({ name }) => name));
  const unlisted = new Set(planning.agent.components.channels.keys()).difference(named);
  return { usable, named, places, unlisted };
}

function usedChannels(
  { usable }: Channels,
  sources: readonly SourcePlan[],
  sinks: readonly SinkPlan[],
): readonly ChannelPlan[] {
  const used = new Set([
    ...sources.flatMap(({ required, optional }) => [...required, ...optional]),
    ...sinks.map(({ channel }) => channel),
  ]);
  return [...usable.values()].filter(({ name }) => used.has(name));
}

function reportFilters({ agent, report }: Planning): void {
  for (const { name, id, place } of listedComponents(agent, 'configfilters', report)) {
    report({
      severity: 'error',
      code: 'filters-not-yet',
      place,
      subject: id,
      message: `Flume has config filters, this Millrace does not have them yet. Config filter ${name} is dropped.`,
      suggestion: `use \${env:NAME} or \${sys:name} for what it looks up`,
    });
  }
}
