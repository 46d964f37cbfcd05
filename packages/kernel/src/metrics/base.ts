import { counter, gauge, type Metrics } from '../spec.ts';
import { type CellRange, metersOver, readCells } from './cells.ts';

/** What every source keeps. At rest: received = accepted + rejected + filtered. */
export const sourceMetrics = {
  received: counter('source_events_received_total', 'Events that came in.', { flume: 'EventReceivedCount' }),
  accepted: counter('source_events_accepted_total', 'Events that all required channels hold, or held.', {
    flume: 'EventAcceptedCount',
  }),
  rejected: counter('source_events_rejected_total', 'Events that a required channel refused, or whose worker died.'),
  filtered: counter('source_events_filtered_total', 'Events that an interceptor dropped.'),
  writeFailed: counter(
    'source_channel_write_failures_total',
    'Transactions that a required channel refused; each time, when they are tried again.',
    {
      flume: 'ChannelWriteFail',
    },
  ),
  processingFailed: counter('source_processing_failures_total', 'Transactions that an interceptor failed to pass.', {
    flume: 'GenericProcessingFail',
  }),
};

/** What every sink keeps. At rest: taken = delivered + returned. */
export const sinkMetrics = {
  taken: counter('sink_events_taken_total', 'Events taken from the channel for delivery.', {
    flume: 'EventDrainAttemptCount',
  }),
  delivered: counter('sink_events_delivered_total', 'Events delivered and removed from the channel.', {
    flume: 'EventDrainSuccessCount',
  }),
  returned: counter('sink_events_returned_total', 'Events given back to the channel because their delivery failed.'),
  complete: counter('sink_batches_complete_total', 'Full batches taken.', { flume: 'BatchCompleteCount' }),
  underflow: counter('sink_batches_underflow_total', 'Batches taken that were not full.', {
    flume: 'BatchUnderflowCount',
  }),
  deliverFailed: counter('sink_delivery_failures_total', 'Batches that could not be delivered.', {
    flume: 'EventWriteFail',
  }),
  takeFailed: counter('sink_take_failures_total', 'Takes from the channel that failed.', { flume: 'ChannelReadFail' }),
};

/** What every channel keeps; the keys are those of its counters and of what {@link channelFigures} makes of them. */
const channelMetrics = {
  attempted: counter('channel_events_put_attempted_total', 'Events that were put, or refused after a wait.', {
    flume: 'EventPutAttemptCount',
  }),
  put: counter('channel_events_put_total', 'Events put.', { flume: 'EventPutSuccessCount' }),
  taken: counter('channel_events_taken_total', 'Events given to sinks, again each time they are given again.', {
    flume: 'EventTakeAttemptCount',
  }),
  committed: counter('channel_events_committed_total', 'Events delivered, and removed.', {
    flume: 'EventTakeSuccessCount',
  }),
  rolledBack: counter('channel_events_rolled_back_total', 'Events that sinks gave back.'),
  reclaimed: counter('channel_events_reclaimed_total', 'Events taken back from sinks that had died.'),
  voided: counter('channel_events_voided_total', 'Events for which room was held, and that were not put.'),
  refused: counter('channel_events_refused_total', 'Events that waited for room in vain.'),
  recovered: counter('channel_events_recovered_total', 'Events that were there when it was opened.'),
  lost: counter('channel_events_lost_total', 'Events that were there and cannot be read.'),
  queued: gauge('channel_events_queued', 'Events that wait to be taken.'),
  leased: gauge('channel_events_leased', 'Events that sinks have taken and neither delivered nor given back.'),
  reserved: gauge('channel_events_reserved', 'Events for which room is held.'),
  queuedBytes: gauge('channel_queued_bytes', 'Encoded bytes of the events that wait.'),
  oldestSeconds: gauge('channel_oldest_event_age_seconds', 'How long the oldest event that waits has been there.'),
  size: gauge('channel_size', 'Events in it, as Flume counts them for this type.', { flume: 'ChannelSize' }),
  capacity: gauge('channel_capacity', 'Most events in it.', { flume: 'ChannelCapacity' }),
  fillPercent: gauge('channel_fill_percentage', 'Part of its capacity that is used.', {
    flume: 'ChannelFillPercentage',
  }),
};

export type SourceMeters = typeof sourceMetrics;
export type SinkMeters = typeof sinkMetrics;

const metricsOfKind = { source: sourceMetrics, sink: sinkMetrics, channel: channelMetrics };

/** All figures of a component: those of its kind and those its spec declares. */
export function metricsOf(spec: { readonly kind: keyof typeof metricsOfKind; readonly metrics: Metrics }): Metrics {
  return { ...metricsOfKind[spec.kind], ...spec.metrics };
}

/** All figures of a channel. A `capacity` of 0 has no limit, and then it has no `fillPercent`. */
export function channelFigures(counters: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const { oldestMs = 0, ...figures } = counters;
  const { put = 0, refused = 0, size = 0, capacity = 0 } = figures;
  const fill = capacity > 0 && { fillPercent: (size / capacity) * 100 };
  return { ...figures, ...fill, attempted: put + refused, oldestSeconds: oldestMs / 1_000 };
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
