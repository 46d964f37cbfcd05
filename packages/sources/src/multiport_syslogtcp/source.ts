import { isSyslogCharset, SyslogReader } from '@millrace/channel-native';
import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { openStreams } from '../shared/syslog/server.ts';
import type { multiport_syslogtcp } from './spec.ts';

export async function open(context: SourceContext<typeof multiport_syslogtcp>): Promise<RunningSource> {
  const { config, builder, log } = context;
  const { keep, eventBytesMax, framing, portHeader } = config;
  const rules = { parser: 'multiport', keep, eventBytesMax, counted: framing === 'auto' } as const;
  const byDefault = charsetOf('charset.default', config.charset);
  const byPort = new Map<number, string | undefined>();
  for (const [port, label] of Object.entries(config.charsets)) {
    byPort.set(Number(port), charsetOf(`charset.port.${port}`, label));
  }

  function readerOf(port: number): SyslogReader {
    return new SyslogReader(builder, { ...rules, charset: byPort.has(port) ? byPort.get(port) : byDefault });
  }

  const failures: unknown[] = [];
  return openStreams({ context, portHeader, readerOf }, config.ports, (port, error) => {
    failures.push(error);
    if (failures.length === config.ports.length) throw error;
    log.error({ error, port }, 'A port cannot be listened on: it is left out until the source starts again.');
  });
}

/** What a reader takes; nothing for UTF-8. */
function charsetOf(property: string, name: string): string | undefined {
  if (/^utf[-_]?8$/i.test(name)) return undefined;
  // Java writes some names with _ where others write -.
  const label = [name, name.replaceAll('_', '-')].find(isSyslogCharset);
  if (label !== undefined) return label;
  throw new Error(
    `${property} is "${name}", in which no lines of syslog are known here: set it to one such as UTF-8, ISO-8859-1, windows-1252, GBK or Shift_JIS.`,
  );
}
