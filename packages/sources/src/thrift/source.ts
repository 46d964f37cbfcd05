import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { openRpc } from '../shared/rpc/source.ts';
import type { thrift } from './spec.ts';

export function open(context: SourceContext<typeof thrift>): Promise<RunningSource> {
  return openRpc(context, { protocol: context.config.protocol === 'binary' ? 'thrift-binary' : 'thrift-compact' });
}
