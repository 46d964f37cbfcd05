import { counter, property, type SinkFacts } from '@millrace/kernel/spec';
import { tlsClientProperties } from '@millrace/kernel/tls-properties';
import { count, host, integer, oneOf, port, seconds } from '@millrace/kernel/types';

/** A value that Flume takes for its default when it is below a second. */
const timeout = integer(1_000).default(20_000);

/** The properties of a sink that sends to a source of another agent. */
export const rpcProperties = {
  hostname: property('hostname', host, 'Host of the source to send to.'),
  port: property('port', port, 'Its port.'),
  batchSize: property('batch-size', count.default(100), 'Most events in one transaction, which is one request.', {
    whenBad: 'default',
  }),
  connectTimeoutMs: property(
    'connect-timeout',
    timeout,
    'Longest time until a connection is ready for requests, in milliseconds.',
    { whenBad: 'default' },
  ),
  requestTimeoutMs: property('request-timeout', timeout, 'Longest wait for an answer, in milliseconds.', {
    whenBad: 'default',
  }),
  reconnectAfterSeconds: property(
    'reset-connection-interval',
    seconds.default(0),
    'A connection is replaced, between two batches, when it is so many seconds old: for load balancers, which choose a host when a connection is made. `0`: never.',
  ),
  encoding: property(
    'protocol',
    oneOf({ compact: [], binary: [] }).default('compact'),
    'How Thrift writes, as the source has it.',
  ),
  ...tlsClientProperties,
};

/** What such a sink promises. */
export const rpcFacts = ({ hostname, port }: { readonly hostname: string; readonly port: number }): SinkFacts => ({
  to: `${hostname}:${port}`,
  done: 'when the source that they were sent to has acknowledged them',
  twice: 'When an answer does not come they are sent again, so some may come twice.',
});

/** What such a sink counts besides events. */
export const rpcMetrics = {
  opened: counter('sink_connections_opened_total', 'Connections that were made.', { flume: 'ConnectionCreatedCount' }),
  closed: counter('sink_connections_closed_total', 'Connections that were ended, for whatever reason.', {
    flume: 'ConnectionClosedCount',
  }),
  failed: counter('sink_connections_failed_total', 'Connections that could not be made.', {
    flume: 'ConnectionFailedCount',
  }),
};
