import { defineSource, property } from '@millrace/kernel/spec';
import { count, host, port } from '@millrace/kernel/types';

export const exampleSource = defineSource({
  type: 'example',
  classNames: [],
  summary: 'Takes events over HTTP: the body of every POST is one.',
  stability: 'experimental',
  drive: 'event',
  properties: {
    host: property('bind', host, 'Address to listen on.'),
    port: property('port', port, 'TCP port to listen on. `0` takes a free one and logs it.'),
    bodyBytesMax: property('maxBodyBytes', count.default(65_536), 'Longest body, in bytes. A longer one is refused.'),
  },
  metrics: {},
  uses: ({ host, port }) => [{ what: 'port', protocol: 'tcp', host, port, property: 'port' }],
  facts: () => ({
    told: 'Who sent them was answered with 200.',
    refused: 'requests are answered with 503 and have to be sent again',
  }),
});
