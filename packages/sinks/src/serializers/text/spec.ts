import { defineSerializer, property } from '@millrace/kernel/spec';
import { flag } from '@millrace/kernel/types';

export const text = defineSerializer({
  type: 'text',
  classNames: ['org.apache.flume.serialization.BodyTextEventSerializer$Builder'],
  summary: 'Writes the bytes of every body, and a line end. A line end within a body is not marked.',
  stability: 'stable',
  properties: {
    appendNewline: property('appendNewline', flag.default(true), 'Write a line end (`\\n`) behind every event.'),
  },
  metrics: {},
});
