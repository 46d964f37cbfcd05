import { defineSink, property } from '@millrace/kernel/spec';
import { flag } from '@millrace/kernel/types';
import { rpcFacts, rpcMetrics, rpcProperties } from '../shared/rpc/properties.ts';

const noKerberos = 'there is no Kerberos here.';

export const thrift = defineSink({
  type: 'thrift',
  classNames: ['org.apache.flume.sink.ThriftSink'],
  summary:
    'Sends events to the Thrift source of another agent. Events leave the channel when that source has acknowledged them; after a failure they are sent again, so some may come twice.',
  stability: 'stable',
  // A request costs the same for one event as for a hundred.
  lingerMs: 3,
  properties: {
    ...rpcProperties,
    kerberos: property('kerberos', flag.default(false), 'Not there: the sink is dropped when it is set.'),
  },
  withoutMeaning: {
    'client-principal': noKerberos,
    'client-keytab': noKerberos,
    'server-principal': noKerberos,
    maxConnections: 'a sink has one connection at a time.',
    'connection-reset-interval': 'Flume 1.11 reads reset-connection-interval, whatever its guide says: write that.',
    'compression-type': 'Thrift has no compression.',
    'compression-level': 'Thrift has no compression.',
  },
  metrics: rpcMetrics,
  batch: 'batchSize',
  check: ({ kerberos }) =>
    kerberos
      ? ['kerberos is true, and there is no Kerberos here yet: use ssl between the agents, or Flume for this hop']
      : [],
  facts: rpcFacts,
});
