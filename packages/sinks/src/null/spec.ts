import { defineSink, property } from '@millrace/kernel/spec';
import { count } from '@millrace/kernel/types';

export const nullSink = defineSink({
  type: 'null',
  classNames: ['org.apache.flume.sink.NullSink'],
  summary: 'Takes events and drops them.',
  stability: 'stable',
  // Nobody waits for what is dropped, and a sink that is woken for every put costs more than the put.
  lingerMs: 10,
  properties: {
    batchSize: property('batchSize', count.default(100), 'Most events in one transaction.'),
    logEveryEvents: property('logEveryNEvents', count.default(10_000), 'Say so each time that so many were dropped.'),
  },
  metrics: {},
  flumeEntry: false,
  batch: 'batchSize',
  facts: () => ({ to: 'nowhere', done: 'as soon as they are taken: it drops them' }),
});
