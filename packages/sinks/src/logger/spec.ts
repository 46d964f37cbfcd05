import { defineSink, property } from '@millrace/kernel/spec';
import { count } from '@millrace/kernel/types';

export const logger = defineSink({
  type: 'logger',
  classNames: ['org.apache.flume.sink.LoggerSink'],
  summary: 'Writes every event as a line of text, with a hex dump of its body, to standard output.',
  stability: 'stable',
  lingerMs: 0,
  properties: {
    bodyBytesMax: property('maxBytesToLog', count.default(16), 'Most bytes of a body that are written.'),
  },
  metrics: {},
  flumeEntry: false,
  facts: () => ({
    to: 'standard output',
    done: 'when they are written to standard output',
    twice: 'After a crash some may be written again.',
  }),
});
