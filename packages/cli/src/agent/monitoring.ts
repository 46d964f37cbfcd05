import type { AgentStatus } from '@millrace/kernel/agent';
import type { Log } from '@millrace/kernel/component';
import { monitoringKeys as keys, monitoringSettings } from '@millrace/kernel/config/monitoring';
import { componentLog } from '@millrace/kernel/log';
import { measuredIn } from '@millrace/kernel/metrics/measured';
import type { MetricsServer } from '@millrace/kernel/metrics/server';
import { port } from '@millrace/kernel/types';

/** Serves the metrics if the settings `flume.monitoring.…` ask for it. Settings that cannot be followed are told to the log: the agent runs without. */
export async function startMonitoring(
  system: ReadonlyMap<string, string>,
  { status, log }: { readonly status: () => AgentStatus; readonly log: Log },
): Promise<MetricsServer | undefined> {
  const { type, port: written } = monitoringSettings(system);
  if (type === undefined) return undefined;
  if (type.toLowerCase() !== 'http') {
    log.warn({ [keys.type]: type }, `The metrics are not served: ${insteadOf(type)}`);
    return undefined;
  }
  const wanted = port.safeParse(written);
  if (wanted.success) {
    const { serveMetrics } = await import('@millrace/kernel/metrics/server');
    return serveMetrics({ port: wanted.data, status, log });
  }
  log.warn({}, `The metrics are not served: ${keys.port} ${wanted.error.issues[0]?.message}.`);
  return undefined;
}

function insteadOf(type: string): string {
  switch (type.toLowerCase()) {
    case 'ganglia':
      return `there is no Ganglia here. Set ${keys.type}=http, and let a monitor read /metrics or /metrics/prometheus.`;
    case 'prometheus':
      return `set ${keys.type}=http, and let Prometheus read /metrics/prometheus.`;
    default:
      return `${keys.type} can only be http, and Java classes such as "${type}" cannot run here.`;
  }
}

/** Tells the log the last figures of every component, a line for each. */
export function tellFigures(status: AgentStatus, log: Log): void {
  for (const { id, figures } of measuredIn(status))
    componentLog(log, id).info({ ...figures }, 'Its figures at the end.');
}
