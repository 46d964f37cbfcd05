import { defineSink, property } from '@millrace/kernel/spec';
import { count, host, milliseconds, port, text } from '@millrace/kernel/types';

export const exampleSink = defineSink({
  type: 'example',
  classNames: [],
  summary: 'Sends events over HTTP: the bodies of a batch, each with a line end, in one POST.',
  stability: 'experimental',
  lingerMs: 10,
  properties: {
    host: property('hostname', host, 'Host to send to.'),
    port: property('port', port, 'Its TCP port.'),
    path: property('path', text.default('/'), 'Path of the requests.'),
    batchSize: property('batchSize', count.default(100), 'Most events in one request.'),
    timeoutMs: property('timeout', milliseconds.default(10_000), 'How long to wait for an answer, in milliseconds.'),
  },
  metrics: {},
  batch: 'batchSize',
  facts: ({ host, port }) => ({
    to: `${host}:${port}`,
    done: 'when their request was answered with success',
    twice: 'When an answer is lost they are sent again, so some may come twice.',
  }),
});
