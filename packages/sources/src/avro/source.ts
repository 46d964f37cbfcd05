import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { openRpc } from '../shared/rpc/source.ts';
import { createIpFilter } from './ip-filter.ts';
import type { avro } from './spec.ts';

/** The level with which Flume's source compresses its answers. */
const COMPRESSION_LEVEL = 6;

export function open(context: SourceContext<typeof avro>): Promise<RunningSource> {
  const { compression, ipFilter, ipFilterRules } = context.config;
  return openRpc(context, {
    protocol: 'avro',
    ...(ipFilter && { admit: createIpFilter(ipFilterRules) }),
    ...(compression === 'deflate' && { compressionLevel: COMPRESSION_LEVEL }),
  });
}
