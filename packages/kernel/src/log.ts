import type { Log } from './component.ts';
import type { LogLevel, LogRecord } from './worker/protocol.ts';

/** Lines of one cause that a worker may say in one window; the rest is counted. A cause is the text of the message. */
export const LINES_PER_CAUSE = 10;
/** Lines of all causes that a worker may say in one window. */
export const LINES_PER_WINDOW = 200;
export const WINDOW_MS = 10_000;
/** Records that may wait unread between a worker and the main thread. */
export const RECORDS_UNREAD_MAX = 256;

const RECORD_CHARS_MAX = 8_192;
const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface WorkerLogOptions {
  readonly level: LogLevel;
  readonly post: (record: LogRecord) => void;
  /** How many records have been read at the other end. */
  readonly read: () => number;
}

interface Cause {
  readonly level: LogLevel;
  said: number;
  suppressed: number;
}

/**
 * A worker's end of the agent's log. Whatever the worker does, even a loop that logs and never yields, it holds a bounded number of
 * short records: repeated causes are thinned out, and nothing is sent to a main thread that does not read.
 */
export class WorkerLog implements Log {
  readonly #options: WorkerLogOptions;
  readonly #causes = new Map<string, Cause>();
  #windowEndsAt = 0;
  #saidInWindow = 0;
  #posted = 0;
  #closing: NodeJS.Timeout | undefined;

  constructor(options: WorkerLogOptions) {
    this.#options = options;
  }

  debug(fields: object, message: string): void {
    this.#say('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#say('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#say('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#say('error', fields, message);
  }

  /** Ends the window: says what was left out in it. */
  flush(): void {
    clearTimeout(this.#closing);
    this.#closing = undefined;
    const left = [...this.#causes].filter(([, { suppressed }]) => suppressed > 0);
    this.#causes.clear();
    this.#saidInWindow = 0;
    this.#windowEndsAt = performance.now() + WINDOW_MS;
    for (const [message, cause] of left) {
      const posted = this.#post(cause.level, '{}', message, cause.suppressed);
      if (!posted) this.#causes.set(message, { ...cause, said: 0 });
    }
  }

  #say(level: LogLevel, fields: object, message: string): void {
    if (severity[level] < severity[this.#options.level]) return;
    if (performance.now() >= this.#windowEndsAt) this.flush();

    const cause = this.#causeOf(level, message);
    const spent = cause.said >= LINES_PER_CAUSE || this.#saidInWindow >= LINES_PER_WINDOW;
    if (spent || !this.#post(level, toJson(fields), message, 0)) {
      cause.suppressed += 1;
      this.#closing ??= setTimeout(() => this.flush(), WINDOW_MS).unref();
      return;
    }
    cause.said += 1;
    this.#saidInWindow += 1;
  }

  #causeOf(level: LogLevel, message: string): Cause {
    // Messages that are all different would fill the map; beyond the lines of a window they share one cause.
    const text = clip(message, 256);
    const key = this.#causes.size < LINES_PER_WINDOW || this.#causes.has(text) ? text : 'other messages';
    let cause = this.#causes.get(key);
    if (cause === undefined) {
      cause = { level, said: 0, suppressed: 0 };
      this.#causes.set(key, cause);
    }
    return cause;
  }

  #post(level: LogLevel, fields: string, message: string, suppressed: number): boolean {
    if (this.#posted - this.#options.read() >= RECORDS_UNREAD_MAX) return false;
    this.#posted += 1;
    this.#options.post({ level, message: clip(message, RECORD_CHARS_MAX), fields, suppressed });
    return true;
  }
}

/** Writes a worker's record to the agent's log. */
export function writeRecord(log: Log, id: string, { level, message, fields, suppressed }: LogRecord): void {
  const said = { component: id, ...JSON.parse(fields) };
  if (suppressed > 0) log[level]({ ...said, suppressed }, `Suppressed ${suppressed} more: ${message}`);
  else log[level](said, message);
}

/** A log whose every line names its component. */
export function componentLog(log: Log, id: string): Log {
  const named =
    (level: LogLevel) =>
    (fields: object, message: string): void =>
      log[level]({ component: id, ...fields }, message);
  return { debug: named('debug'), info: named('info'), warn: named('warn'), error: named('error') };
}

function toJson(fields: object): string {
  try {
    const json = JSON.stringify(fields, plain);
    return json.length <= RECORD_CHARS_MAX ? json : JSON.stringify({ clipped: json.slice(0, RECORD_CHARS_MAX) });
  } catch (error) {
    return JSON.stringify({ unprintable: String(error) });
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    return {
      name,
      message,
      ...('code' in value && { code: value.code }),
      stack,
      ...(cause !== undefined && { cause }),
    };
  }
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return clip(value, RECORD_CHARS_MAX / 4);
  return value;
}

function clip(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars)}…`;
}
