import { counter, gauge } from '@millrace/kernel/spec';

/** What a source for Flume's RPC clients counts besides events. */
export const rpcSourceMetrics = (type: string) => ({
  connections: gauge(`${type}_connections`, 'Connections open now.', { flume: 'OpenConnectionCount' }),
  appendReceived: counter(`${type}_append_received_total`, 'Requests with a single event that came in.', {
    flume: 'AppendReceivedCount',
  }),
  appendAccepted: counter(`${type}_append_accepted_total`, 'Requests with a single event that were accepted.', {
    flume: 'AppendAcceptedCount',
  }),
  batchReceived: counter(`${type}_append_batch_received_total`, 'Requests with a list of events that came in.', {
    flume: 'AppendBatchReceivedCount',
  }),
  batchAccepted: counter(`${type}_append_batch_accepted_total`, 'Requests with a list of events that were accepted.', {
    flume: 'AppendBatchAcceptedCount',
  }),
});
