import { counter, type Metrics } from '../spec.ts';
import { type CellRange, metersOver, readCells } from './cells.ts';

/** What every source keeps. At rest: received = accepted + rejected + filtered. */
export const sourceMetrics = {
  received: counter('source_events_received_total', 'Events that came in.'),
  accepted: counter('source_events_accepted_total', 'Events that all required channels hold, or held.'),
  rejected: counter('source_events_rejected_total', 'Events that a required channel refused, or whose worker died.'),
  filtered: counter('source_events_filtered_total', 'Events that an interceptor dropped.'),
};

/** What every sink keeps. At rest: taken = delivered + returned. */
export const sinkMetrics = {
  taken: counter('sink_events_taken_total', 'Events taken from the channel for delivery.'),
  delivered: counter('sink_events_delivered_total', 'Events delivered and removed from the channel.'),
  returned: counter('sink_events_returned_total', 'Events given back to the channel because their delivery failed.'),
};

export type SourceMeters = typeof sourceMetrics;
export type SinkMeters = typeof sinkMetrics;

/** All figures of a component: those of its kind and those its spec declares. */
export function metricsOf(spec: { readonly kind: 'source' | 'sink'; readonly metrics: Metrics }): Metrics {
  return { ...(spec.kind === 'source' ? sourceMetrics : sinkMetrics), ...spec.metrics };
}

/**
 * Brings the figures of a worker that is gone to rest: what it had not accounted for went back to where it came from, and what it
 * had open is closed. May be called only after its thread has ended.
 */
export function settle(metrics: Metrics, range: CellRange): void {
  const meters = metersOver(range);
  const figures = readCells(range);
  const open = (total: string, ...parts: string[]) =>
    parts.reduce((rest, part) => rest - (figures[part] ?? 0), figures[total] ?? 0);

  meters['rejected']?.add(open('received', 'accepted', 'rejected', 'filtered'));
  meters['returned']?.add(open('taken', 'delivered', 'returned'));
  for (const [key, { instrument }] of Object.entries(metrics)) {
    if (instrument === 'gauge') meters[key]?.add(-(figures[key] ?? 0));
  }
}
