import { isatty } from 'node:tty';
import type { Log } from '@millrace/kernel/component';
import type { LogLevel } from '@millrace/kernel/worker/protocol';
import { type Level, pino } from 'pino';
import { LogOutput } from './log-output.ts';

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
 * synchronously, so the last words before an end are not lost. Lines that cannot be written are dropped and counted.
 */
export async function openLog(agent: string, systemProperties: ReadonlyMap<string, string>): Promise<OpenLog> {
  const wanted = systemProperties.get('millrace.log.level') ?? systemProperties.get('flume.root.logger')?.split(',')[0];
  const level = wanted === undefined ? 'info' : levels[wanted.trim().toUpperCase()];
  const terminal = isatty(2);
  const format = terminal ? await forPeople() : (line: string) => line;
  const output = new LogOutput(2, (dropped, reason) => {
    const msg = `Lines of this log could not be written (${reason}) and are missing here: ${dropped}.`;
    return format(`${JSON.stringify({ level: 'error', time: new Date().toISOString(), agent, dropped, msg })}\n`);
  });
  // What a component prints by itself comes through these streams, and an error that nobody hears would end the agent.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
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
    { write: (line) => output.write(format(line)) },
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

/** The library is loaded only for a terminal. */
async function forPeople(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({
    colorize: true,
    singleLine: true,
    ignore: 'agent,component',
    messageFormat: '{if component}{component}: {end}{msg}',
    translateTime: 'SYS:HH:MM:ss.l',
  });
}
