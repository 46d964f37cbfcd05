import type { AgentReport, ChannelReport, ComponentReport, WorkerReport } from '@millrace/kernel/control/messages';
import { whole } from '@millrace/kernel/words';
import { ago, columns, significant, span } from '../words.ts';

/** A report for people: tables of the sources, channels and sinks, and why one of them does not run. */
export function renderReport(report: AgentReport, nowMs: number): string {
  const { agent, state, pid, startedAtMs, version, sources, channels, sinks } = report;
  const worker = (arrow: string, total: string) => (it: WorkerReport) => [
    `${it.name} ${it.type} ${arrow} ${it.channels.join(', ')}`,
    whole(it.figures[total] ?? 0),
    significant(it.eventsPerSecond),
    whole(it.restarts),
    it.state,
  ];
  const tables = [
    [['source', 'accepted', 'per second', 'restarts', 'state'], ...sources.map(worker('→', 'accepted'))],
    [['channel', 'queued', 'fill', 'oldest', 'in per second', 'out per second', 'state'], ...channels.map(channelRow)],
    [['sink', 'delivered', 'per second', 'restarts', 'state'], ...sinks.map(worker('←', 'delivered'))],
  ];
  const reasons = componentsOf(report)
    .filter((component) => component.state !== 'running')
    .map(({ id, state, lastError }) => `${id} is ${state}${lastError === null ? '.' : `: ${lastError.message}`}\n`);
  return [
    `${agent} is ${state}: process ${pid}, started ${ago(startedAtMs, nowMs)}, Millrace ${version}\n`,
    ...tables.filter(({ length }) => length > 1).map((rows) => columns(rows)),
    ...(reasons.length === 0 ? [] : [reasons.join('')]),
  ].join('\n');
}

/** All components of a report. */
export function componentsOf({ sources, channels, sinks }: AgentReport): ComponentReport[] {
  return [...sources, ...channels, ...sinks];
}

function channelRow(channel: ChannelReport): string[] {
  const { name, type, queued, fillPercent, oldestMs, inPerSecond, outPerSecond, state } = channel;
  return [
    `${name} ${type}`,
    whole(queued),
    fillPercent === null ? '' : `${significant(fillPercent, 2)} %`,
    queued === 0 ? '' : span(oldestMs),
    significant(inPerSecond),
    significant(outPerSecond),
    state,
  ];
}
