import { defineSource, property } from '@millrace/kernel/spec';
import { count, integer, long, milliseconds } from '@millrace/kernel/types';

export const stress = defineSource({
  type: 'stress',
  classNames: ['org.apache.flume.source.StressSource'],
  summary: 'Makes events of one size as fast as the channels take them, or at a rate, for load tests.',
  stability: 'stable',
  drive: 'polling',
  properties: {
    bodyBytes: property('size', integer(0).default(500), 'Bytes of a body. Each is 0x7F.'),
    batchSize: property('batchSize', count.default(1), 'Events in one transaction.'),
    eventsMax: property('maxTotalEvents', long().default(-1), 'Events to try to put in all; below 0 without end.'),
    acceptedMax: property(
      'maxSuccessfulEvents',
      long().default(-1),
      'Events after which no more are made once the channels have accepted so many; below 0 without end.',
    ),
    eventsPerSecond: property(
      'maxEventsPerSecond',
      integer().default(0),
      'Events to put in a second; 0 or less: no limit.',
    ),
    backoffIncrementMs: property(
      'backoffSleepIncrement',
      milliseconds.default(1_000),
      'How much longer each further pause is, once a channel refuses or all events are made, in milliseconds.',
    ),
    backoffMaxMs: property('maxBackoffSleep', milliseconds.default(5_000), 'The longest pause, in milliseconds.'),
  },
  metrics: {},
  flumeEntry: false,
  batch: 'batchSize',
  facts: () => ({
    told: 'Nobody has sent them: they are made here.',
    refused: 'the source pauses, and makes others later',
  }),
});
