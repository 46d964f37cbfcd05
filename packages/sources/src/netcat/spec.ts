import { counter, defineSource, gauge, portUsed, property } from '@millrace/kernel/spec';
import { count, flag, host, port, text } from '@millrace/kernel/types';
import { bytesText } from '@millrace/kernel/words';

export const netcat = defineSource({
  type: 'netcat',
  classNames: ['org.apache.flume.source.NetcatSource'],
  summary: 'Listens on a TCP port and turns every line of text into an event.',
  stability: 'stable',
  drive: 'event',
  properties: {
    host: property('bind', host, 'Address to listen on.'),
    port: property('port', port, 'TCP port to listen on. `0` takes a free one and logs it.'),
    acknowledge: property('ack-every-event', flag.default(true), 'Answer `OK` to every line accepted.'),
    lineCharsMax: property(
      'max-line-length',
      count.default(512),
      'Longest line, in characters (UTF-16 units) and with its line end. A longer one is answered with `FAILED` and ends the connection.',
    ),
    encoding: property(
      'encoding',
      text.default('utf-8'),
      'Character set of lines and answers. Bodies are always UTF-8.',
    ),
    inFlightBytesMax: property(
      'maxInFlightBytes',
      count.default(64 << 20),
      'Most bytes that have been read and not yet answered, over all connections. At the limit, connections are not read until there is room again.',
    ),
  },
  metrics: {
    connections: gauge('netcat_connections', 'Connections open now.', { flume: 'OpenConnectionCount' }),
    overlong: counter('netcat_lines_overlong_total', 'Lines refused because they are longer than `max-line-length`.'),
  },
  flumeEntry: false,
  uses: (config) => portUsed('tcp', config),
  facts: ({ acknowledge, inFlightBytesMax }) => ({
    told: acknowledge ? 'netcat clients were told OK for them.' : 'netcat clients were told nothing.',
    refused: 'lines are answered with FAILED, and whoever sent them has to send them again',
    ...(!acknowledge && {
      lost: `lines that it has read and no channel has yet, up to ${bytesText(inFlightBytesMax)}; without ack-every-event nobody knows which these are`,
    }),
  }),
});
