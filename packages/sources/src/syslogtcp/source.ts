import { SyslogReader } from '@millrace/channel-native';
import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { openStreams } from '../shared/syslog/server.ts';
import type { syslogtcp } from './spec.ts';

export async function open(context: SourceContext<typeof syslogtcp>): Promise<RunningSource> {
  const { config, builder } = context;
  const { keep, eventBytesMax, framing } = config;
  const rules = { parser: 'classic', keep, eventBytesMax, counted: framing === 'auto' } as const;
  const reader = new SyslogReader(builder, rules);
  return openStreams({ context, readerOf: () => reader }, [config.port], (_port, error) => {
    throw error;
  });
}
