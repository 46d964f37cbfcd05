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
  const terminal = isatty(2);
  const log = pino(
    {
      level: level ?? 'info',
      base: { agent },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      serializers: {
        error: terminal && level !== 'debug' && level !== 'trace' ? messageOf : pino.stdSerializers.errWithCause,
      },
    },
    terminal ? await forPeople() : destination({ fd: 2, sync: true }),
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

/** What an operator needs of an error; where in our code it arose is for those who ask for DEBUG. */
function messageOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
}

/** The library is loaded only for a terminal. Its stream writes in this thread, not in a worker, and so cannot lose the last lines. */
async function forPeople(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: 2,
    sync: true,
    colorize: true,
    singleLine: true,
    ignore: 'agent,component',
    messageFormat: '{if component}{component}: {end}{msg}',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
