import type { RunningSink, SinkContext } from '@millrace/kernel/component';
import { rpcSink } from '../shared/rpc/sink.ts';
import type { thrift } from './spec.ts';

export async function open(context: SinkContext<typeof thrift>): Promise<RunningSink> {
  const { hostname, port } = context.config;
  return rpcSink(context, { clientType: 'thrift', hosts: [{ host: hostname, port }] });
}
