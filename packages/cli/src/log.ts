import { isatty } from 'node:tty';
import type { Log } from '@millrace/kernel/component';
import type { LogLevel } from '@millrace/kernel/protocol';
import { type DestinationStream, destination, type Level, pino } from 'pino';

/** What log4j calls the levels, and what they are here. */
const levels: Readonly<Record<string, Level | 'silent'>> = {
  ALL: 'trace',
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'fatal',
  OFF: 'silent',
};

export interface OpenLog {
  readonly log: Log;
  /** Workers need not send what is below it. */
  readonly level: LogLevel;
}

/**
 * Opens the agent's log on standard error: for people when that is a terminal, else one JSON object a line. It is written
 * synchronously, so the last words before an end are never lost.
 */
export async function openLog(agent: string, systemProperties: ReadonlyMap<string, string>): Promise<OpenLog> {
  const wanted = systemProperties.get('millrace.log.level') ?? systemProperties.get('flume.root.logger')?.split(',')[0];
  const level = wanted === undefined ? 'info' : levels[wanted.trim().toUpperCase()];
  const log = pino(
    {
      level: level ?? 'info',
      base: { agent },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: { error: pino.stdSerializers.err },
    },
    isatty(2) ? await forPeople() : destination({ fd: 2, sync: true }),
  );
  if (level === undefined) {
    log.warn({ wanted, levels: Object.keys(levels) }, 'There is no such log level, so the log says INFO and above.');
  }
  return { log, level: levelOfWorkers(log.level) };
}

function levelOfWorkers(level: string): LogLevel {
  if (level === 'trace') return 'debug';
  return level === 'debug' || level === 'info' || level === 'warn' ? level : 'error';
}

/** The library is loaded only for a terminal. Its stream writes in this thread, not in a worker, and so cannot lose the last lines. */
async function forPeople(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: 2, sync: true, colorize: true, ignore: 'agent', translateTime: 'SYS:HH:MM:ss.l' });
}
