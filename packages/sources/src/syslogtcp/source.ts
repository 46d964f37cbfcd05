import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { classicReader } from '../shared/syslog/format.ts';
import { openStreams } from '../shared/syslog/server.ts';
import type { syslogtcp } from './spec.ts';

export async function open(context: SourceContext<typeof syslogtcp>): Promise<RunningSource> {
  const { config, builder } = context;
  const { keep, eventBytesMax, framing } = config;
  const reader = classicReader(builder, { keep, eventBytesMax, counted: framing === 'auto' }, config);
  return openStreams({ context, readerOf: () => reader }, [config.port], (_port, error) => {
    throw error;
  });
}
