import { defineSource, portUsed, property } from '@millrace/kernel/spec';
import { checkTlsServer, tlsServerProperties } from '@millrace/kernel/tls-properties';
import { count, flag, host, port, text } from '@millrace/kernel/types';
import { rpcSourceMetrics } from '../shared/rpc/properties.ts';

const NO_KERBEROS = 'Kerberos is not there.';

export const thrift = defineSource({
  type: 'thrift',
  classNames: ['org.apache.flume.source.ThriftSource'],
  summary: 'Listens for events of Thrift clients: thrift sinks of other agents, or programs in any language.',
  stability: 'stable',
  drive: 'event',
  properties: {
    host: property('bind', host, 'Address to listen on.'),
    port: property('port', port, 'TCP port to listen on. `0` takes a free one and logs it.'),
    protocol: property(
      'protocol',
      text
        .refine((name) => /^(compact|binary)$/i.test(name), {
          error: ({ input }) => `must be compact or binary, not "${input}"`,
        })
        .default('compact'),
      '`compact` or `binary`. It must be the same at the client.',
    ),
    kerberos: property('kerberos', flag.default(false), 'Must be false: Kerberos is not there.'),
    ...tlsServerProperties,
    inFlightBytesMax: property(
      'maxInFlightBytes',
      count.default(64 << 20),
      'Most bytes that have been read and not yet answered, over all connections, and the most of one request. At the limit, connections are not read until there is room again.',
    ),
  },
  withoutMeaning: {
    threads: 'one thread serves all connections.',
    'agent-principal': NO_KERBEROS,
    'agent-keytab': NO_KERBEROS,
  },
  metrics: rpcSourceMetrics('thrift'),
  check: (config) => [
    ...checkTlsServer(config),
    ...(config.kerberos
      ? ['kerberos is true, and there is no Kerberos here: remove it, or keep this source in Flume']
      : []),
  ],
  advise: ({ protocol }) =>
    protocol === protocol.toLowerCase()
      ? []
      : [`protocol is "${protocol}", which means compact, as in Flume: write compact or binary, in small letters`],
  uses: (config) => portUsed('tcp', config),
  facts: () => ({
    told: 'Thrift clients were told OK for them.',
    refused: 'requests are answered with FAILED, and the clients send them again',
  }),
});
