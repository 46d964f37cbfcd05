import type { AgentStatus } from '../agent.ts';
import { counter, gauge, type Metric } from '../spec.ts';
import { measuredIn } from './measured.ts';

/** The type of what {@link prometheusMetrics} writes. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const agentStarted = gauge('agent_start_time_seconds', 'When the agent was started, in seconds since 1970.');

/** What is said of every component besides its figures. */
const lifeMetrics = {
  up: gauge('component_up', '1 while the component runs, else 0.'),
  restarts: counter('component_restarts_total', 'Starts after the first one.'),
  started: gauge('component_start_time_seconds', 'When it was first open, in seconds since 1970; 0 before that.'),
  stopped: gauge('component_stop_time_seconds', 'When it was stopped for good, in seconds since 1970; 0 before that.'),
};

/**
 * Everything an agent measures, in the text format of Prometheus. What has an attribute in Flume is named after it, as
 * `Flume_EventReceivedCount_total`; everything else begins with `millrace_`.
 */
export function prometheusMetrics(status: AgentStatus): string {
  const families = new Families();
  const agent = { agent: status.name };
  families.add(agentStarted, agent, status.startedAtMs / 1_000);
  for (const component of measuredIn(status)) {
    const { spec, name, up, restarts, startedAtMs, stoppedAtMs, metrics, figures } = component;
    const labels = { ...agent, kind: spec.kind, component: name };
    families.add(lifeMetrics.up, labels, Number(up));
    families.add(lifeMetrics.restarts, labels, restarts);
    families.add(lifeMetrics.started, labels, startedAtMs / 1_000);
    families.add(lifeMetrics.stopped, labels, stoppedAtMs / 1_000);
    for (const [key, metric] of Object.entries(metrics)) {
      const figure = figures[key];
      if (figure !== undefined) families.add(metric, labels, figure);
    }
  }
  return families.text();
}

/** The name of a metric there. */
export function prometheusName({ instrument, name, flume }: Metric): string {
  if (flume === undefined) return `millrace_${name}`;
  return `Flume_${flume}${instrument === 'counter' ? '_total' : ''}`;
}

/** Series by their names: all of one name must stand together, under one description. */
class Families {
  readonly #lines = new Map<string, string[]>();

  add(metric: Metric, labels: Readonly<Record<string, string>>, value: number): void {
    const name = prometheusName(metric);
    let lines = this.#lines.get(name);
    if (lines === undefined) {
      lines = [`# HELP ${name} ${escaped(metric.doc)}`, `# TYPE ${name} ${metric.instrument}`];
      this.#lines.set(name, lines);
    }
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`);
    lines.push(`${name}{${pairs.join(',')}} ${value}`);
  }

  text(): string {
    return [...this.#lines.values()].flat().join('\n').concat('\n');
  }
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
