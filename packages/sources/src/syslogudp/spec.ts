import { defineSource, portUsed, property } from '@millrace/kernel/spec';
import { host, port } from '@millrace/kernel/types';
import { datagramFacts, datagramMetrics, datagramProperties } from '../shared/datagrams/properties.ts';
import { formatProperties, syslogProperties } from '../shared/syslog/properties.ts';

export const syslogudp = defineSource({
  type: 'syslogudp',
  classNames: ['org.apache.flume.source.SyslogUDPSource'],
  summary: 'Listens on a UDP port and turns every syslog message (RFC 3164, RFC 5424) into an event.',
  stability: 'stable',
  drive: 'event',
  properties: {
    port: property('port', port, 'UDP port to listen on. `0` takes a free one and logs it.'),
    host: property('host', host.optional(), 'Name or address to listen on. Without it, every address.'),
    ...syslogProperties,
    ...formatProperties,
    ...datagramProperties,
  },
  metrics: datagramMetrics('syslogudp'),
  uses: (config) => portUsed('udp', config),
  facts: datagramFacts,
});
