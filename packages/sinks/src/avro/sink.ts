import type { RunningSink, SinkContext } from '@millrace/kernel/component';
import { hostsOf } from '@millrace/rpc';
import { rpcSink } from '../shared/rpc/sink.ts';
import type { avro } from './spec.ts';

export async function open(context: SinkContext<typeof avro>): Promise<RunningSink> {
  const { config } = context;
  const { hostname, port, hosts, addresses, compressionType, compressionLevel } = config;
  return rpcSink(context, {
    ...config,
    hosts: hosts === undefined ? [{ host: hostname, port }] : hostsOf(hosts, addresses),
    compressionLevel: compressionType === 'deflate' ? compressionLevel : undefined,
  });
}
