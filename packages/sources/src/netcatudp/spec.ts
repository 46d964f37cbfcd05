import { defineSource, portUsed, property } from '@millrace/kernel/spec';
import { host, port, text } from '@millrace/kernel/types';
import { datagramFacts, datagramMetrics, datagramProperties } from '../shared/datagrams/properties.ts';

export const netcatudp = defineSource({
  type: 'netcatudp',
  classNames: ['org.apache.flume.source.NetcatUdpSource'],
  summary: 'Listens on a UDP port and makes an event of the first line of every datagram.',
  stability: 'stable',
  drive: 'event',
  properties: {
    port: property('port', port, 'UDP port to listen on. `0` takes a free one and logs it.'),
    host: property('bind', host.optional(), 'Name or address to listen on. Without it, every address.'),
    remoteAddressHeader: property(
      'remoteAddress',
      text.optional(),
      'Header for the address and port of the client, such as `/192.0.2.7:50123`. Without it there is none.',
    ),
    ...datagramProperties,
  },
  metrics: datagramMetrics('netcatudp'),
  flumeEntry: false,
  uses: (config) => portUsed('udp', config),
  facts: datagramFacts,
});
