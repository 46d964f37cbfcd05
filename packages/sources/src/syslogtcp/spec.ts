import { defineSource, gauge, portUsed, property } from '@millrace/kernel/spec';
import { checkTlsServer, tlsServerProperties } from '@millrace/kernel/tls-properties';
import { port } from '@millrace/kernel/types';
import {
  formatProperties,
  syslogProperties,
  syslogStreamFacts,
  syslogStreamProperties,
} from '../shared/syslog/properties.ts';

export const syslogtcp = defineSource({
  type: 'syslogtcp',
  classNames: ['org.apache.flume.source.SyslogTcpSource'],
  summary: 'Listens on a TCP port and turns every syslog message (RFC 3164, RFC 5424) into an event.',
  stability: 'stable',
  drive: 'event',
  properties: {
    port: property('port', port, 'TCP port to listen on. `0` takes a free one and logs it.'),
    ...syslogStreamProperties,
    ...syslogProperties,
    ...formatProperties,
    ...tlsServerProperties,
  },
  metrics: {
    connections: gauge('syslogtcp_connections', 'Connections open now.', { flume: 'OpenConnectionCount' }),
  },
  check: checkTlsServer,
  uses: (config) => portUsed('tcp', config),
  facts: syslogStreamFacts,
});
