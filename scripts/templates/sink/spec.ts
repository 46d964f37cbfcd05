import { defineSink, property } from '@millrace/kernel/spec';
import { count, milliseconds, text } from '@millrace/kernel/types';
import * as z from 'zod';

export const exampleSink = defineSink({
  type: 'example',
  classNames: [],
  summary: 'Sends events over HTTP: the bodies of a batch, each with a line end, in one POST.',
  stability: 'experimental',
  lingerMs: 10,
  properties: {
    url: property(
      'url',
      text.pipe(z.url({ protocol: /^http$/, error: 'must begin with http://' })),
      'Where to send to.',
    ),
    batchSize: property('batchSize', count.default(100), 'Most events in one request.'),
    timeoutMs: property('timeout', milliseconds.default(10_000), 'How long to wait for an answer, in milliseconds.'),
  },
  metrics: {},
  batch: 'batchSize',
  facts: ({ url }) => ({
    to: new URL(url).host,
    done: 'when their request was answered with success',
    twice: 'When an answer is lost they are sent again, so some may come twice.',
  }),
});
