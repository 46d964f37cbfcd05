import { defineSink, property } from '@millrace/kernel/spec';
import { count } from '@millrace/kernel/types';

export const nullSink = defineSink({
  type: 'null',
  classNames: ['org.apache.flume.sink.NullSink'],
  summary: 'Takes events and drops them.',
  stability: 'stable',
  lingerMs: 0,
  properties: {
    batchSize: property('batchSize', count.default(100), 'Most events in one transaction.'),
    logEveryEvents: property('logEveryNEvents', count.default(10_000), 'Say so each time that so many were dropped.'),
  },
  metrics: {},
  batch: 'batchSize',
});
