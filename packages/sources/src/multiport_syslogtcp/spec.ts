import { defineSource, gauge, property } from '@millrace/kernel/spec';
import { checkTlsServer, tlsServerProperties } from '@millrace/kernel/tls-properties';
import { names, text, textByName } from '@millrace/kernel/types';
import { syslogProperties, syslogStreamFacts, syslogStreamProperties } from '../shared/syslog/properties.ts';

const ports = names.transform((list, context): number[] => {
  const found = list.map(Number);
  const wrong = list.filter((name) => !/^\d+$/.test(name) || Number(name) > 65_535);
  if (wrong.length === 0 && found.length > 0) return [...new Set(found)];
  context.addIssue(`must be ports from 0 to 65535 with blanks between them, not "${list.join(' ')}"`);
  return [];
});

export const multiport_syslogtcp = defineSource({
  type: 'multiport_syslogtcp',
  classNames: ['org.apache.flume.source.MultiportSyslogTCPSource'],
  summary: 'Listens on several TCP ports and turns every syslog message (RFC 3164, RFC 5424) into an event.',
  stability: 'stable',
  drive: 'event',
  properties: {
    ports: property('ports', ports, 'TCP ports to listen on. `0` takes a free one and logs it.'),
    ...syslogStreamProperties,
    ...syslogProperties,
    portHeader: property('portHeader', text.optional(), 'Header for the port that a message came to.'),
    charset: property(
      'charset.default',
      text.default('UTF-8'),
      'Character set of messages, one in which ASCII is ASCII. A message that is not in it gets `flume.syslog.status=Invalid`. Bodies stay as they were sent, headers are UTF-8.',
    ),
    charsets: property('charset.port.', textByName, 'Character set of messages that come to the port of that number.'),
    ...tlsServerProperties,
  },
  withoutMeaning: {
    batchSize: 'What comes at the same time shares transactions, as large as the channels allow.',
    numProcessors: 'One thread reads all connections.',
    readBufferBytes: 'What a connection has sent is read in pieces of up to 64 KiB.',
  },
  metrics: {
    connections: gauge('multiport_syslogtcp_connections', 'Connections open now.', { flume: 'OpenConnectionCount' }),
  },
  check: checkTlsServer,
  uses: ({ host, ports }) =>
    ports.map((port) => ({ what: 'port', protocol: 'tcp', host, port, property: 'ports' }) as const),
  facts: syslogStreamFacts,
});
