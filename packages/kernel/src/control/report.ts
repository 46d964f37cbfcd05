import type { ChannelStatus } from '../agent/channel-keeper.ts';
import type { AgentStatus, MeteredStatus } from '../agent.ts';
import { version } from '../version.ts';
import type { AgentReport, ChannelReport, ComponentReport, WorkerReport } from './messages.ts';
import { figuresOfStatus, type Rates } from './rates.ts';

const collator = new Intl.Collator('en', { numeric: true });

/** An agent's status as plain data. */
export function reportOf(status: AgentStatus, rates: Rates, state: AgentReport['state']): AgentReport {
  return {
    agent: status.name,
    version,
    pid: process.pid,
    state,
    startedAtMs: status.startedAtMs,
    sources: byName(status.sources).map((source) => workerReport('source', source, rates)),
    channels: byName(status.channels).map((channel) => channelReport(channel, rates)),
    sinks: byName(status.sinks).map((sink) => workerReport('sink', sink, rates)),
  };
}

function byName<Of extends { readonly name: string }>(statuses: readonly Of[]): Of[] {
  return statuses.toSorted((one, other) => collator.compare(one.name, other.name));
}

function componentReport(status: ChannelStatus | MeteredStatus): Omit<ComponentReport, 'kind' | 'state'> {
  const { id, name, spec, startedAtMs, lastError } = status;
  return {
    id,
    name,
    type: spec.type,
    startedAtMs,
    lastError: lastError === undefined ? null : { code: lastError.code, message: lastError.message },
    figures: figuresOfStatus(status),
  };
}

function workerReport<Of extends 'source' | 'sink'>(kind: Of, status: MeteredStatus, rates: Rates) {
  const component = componentReport(status);
  const { state, restarts, channels } = status;
  const eventsPerSecond = rates.perSecond(component, kind === 'source' ? 'accepted' : 'delivered');
  return { kind, ...component, state, restarts, channels, eventsPerSecond } satisfies WorkerReport;
}

function channelReport(status: ChannelStatus, rates: Rates): ChannelReport {
  const component = componentReport(status);
  const { durable, open, stoppedAtMs, lastError } = status;
  const { queued = 0, leased = 0, oldestMs = 0, capacity = 0 } = status.counters;
  return {
    kind: 'channel',
    ...component,
    state: open ? 'running' : stoppedAtMs !== 0 ? 'stopped' : lastError === undefined ? 'starting' : 'waiting',
    durable,
    capacity: capacity === 0 ? null : capacity,
    queued: queued + leased,
    fillPercent: capacity === 0 ? null : ((queued + leased) / capacity) * 100,
    oldestMs,
    inPerSecond: rates.perSecond(component, 'put'),
    outPerSecond: rates.perSecond(component, 'committed'),
  };
}
