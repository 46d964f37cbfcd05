import type { Log } from '@millrace/kernel/component';

/** One line that a component said. */
export interface LogLine {
  readonly level: keyof Log;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps what is said. */
export interface RecordedLog extends Log {
  readonly lines: readonly LogLine[];
}

/** Makes a log whose lines a test can read. */
export function recordLog(): RecordedLog {
  const lines: LogLine[] = [];
  const keep = (level: keyof Log) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as LogLine['fields'], message });
  };
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
}
