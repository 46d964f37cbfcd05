import type { ChannelStatus, Named } from '../agent/channel-keeper.ts';
import type { AgentStatus, MeteredStatus } from '../agent.ts';
import type { Metrics, Spec } from '../spec.ts';
import { channelFigures, metricsOf } from './base.ts';

/** A component with what it measures, whatever its kind. */
export interface Measured extends Named<Spec> {
  /** Whether it does its work now. */
  readonly up: boolean;
  readonly restarts: number;
  /** What its figures are, by their keys. */
  readonly metrics: Metrics;
  /** The figures it has now; one that it cannot tell is absent. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Every component of an agent, those that a reload has taken away first. */
export function measuredIn(status: AgentStatus): Measured[] {
  return [status.removed, status].flatMap(({ sources, channels, sinks }) => [
    ...sources.map(ofWorker),
    ...channels.map(ofChannel),
    ...sinks.map(ofWorker),
  ]);
}

function ofWorker(status: MeteredStatus): Measured {
  return { ...status, up: status.state === 'running', metrics: metricsOf(status.spec), figures: status.metrics };
}

function ofChannel(status: ChannelStatus): Measured {
  const { spec, counters, open } = status;
  return { ...status, up: open, restarts: 0, metrics: metricsOf(spec), figures: channelFigures(counters) };
}
