import { defineSerializer, property } from '@millrace/kernel/spec';
import { flag } from '@millrace/kernel/types';

export const headerAndText = defineSerializer({
  type: 'header_and_text',
  classNames: ['org.apache.flume.serialization.HeaderAndBodyTextEventSerializer$Builder'],
  summary: 'Writes the headers of every event as `{name=value, name=value}`, a blank, its body, and a line end.',
  stability: 'stable',
  properties: {
    appendNewline: property('appendNewline', flag.default(true), 'Write a line end (`\\n`) behind every event.'),
  },
  metrics: {},
});
