import { counter, defineSource, property } from '@millrace/kernel/spec';
import { count, long, milliseconds } from '@millrace/kernel/types';

export const seq = defineSource({
  type: 'seq',
  classNames: ['org.apache.flume.source.SequenceGeneratorSource'],
  summary: 'Makes events whose bodies count up from 0, for trying out and measuring.',
  stability: 'stable',
  drive: 'polling',
  properties: {
    batchSize: property('batchSize', count.default(1), 'Events in one transaction.'),
    totalEvents: property('totalEvents', long(0n).default(2 ** 63), 'Events to make in all.'),
    backoffIncrementMs: property(
      'backoffSleepIncrement',
      milliseconds.default(1_000),
      'How much longer each further pause is, once all events are made, in milliseconds.',
    ),
    backoffMaxMs: property('maxBackoffSleep', milliseconds.default(5_000), 'The longest pause, in milliseconds.'),
  },
  metrics: {
    batches: counter('seq_batches_accepted_total', 'Batches that were accepted.', {
      flume: 'AppendBatchAcceptedCount',
    }),
  },
  batch: 'batchSize',
  facts: () => ({
    told: 'Nobody has sent them: they are made here.',
    refused: 'the source waits, and makes the same events later',
  }),
});
