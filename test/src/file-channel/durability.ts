import { basename, dirname, join } from 'node:path';
import { type Call, targetOf } from './trace.ts';

/** Bytes in front of the first group of a segment. */
const HEADERS = 8_192;
const MARK = /<\d+\.\d+ x+>/g;
const OK_BYTES = 'OK\n'.length;

/** The body of an event that is found again in a trace. */
export const markedLine = (client: number, line: number): string => `<${client}.${line} ${'x'.repeat(400)}>`;

/** What is to be found in a trace of an agent whose clients sent marked lines. */
export interface Expected {
  /** For each channel, what the paths of its data directories begin with. */
  readonly channels: readonly string[];
  /** The lines of each client by its port, in the order in which they were sent; all of them were accepted. */
  readonly clients: ReadonlyMap<number, readonly string[]>;
}

export interface Verdict {
  /** Lines that were answered with `OK`. */
  readonly answered: number;
  /** Segments that a group was written to. */
  readonly segments: number;
  /** Answers and groups that came too early. */
  readonly problems: readonly string[];
}

/** Compares the order of an agent's system calls with what a file channel promises. */
export function judge(calls: readonly Call[], { channels, clients }: Expected): Verdict {
  const log = new LogCalls(calls);
  const problems: string[] = [];
  const answerBytes = new Map<number, number>();
  for (const call of calls) {
    const port = Number(/^TCP:\[.*->.*:(\d+)\]$/.exec(targetOf(call) ?? '')?.[1]);
    const lines = clients.get(port);
    if (lines === undefined) continue;
    if (call.args.includes('FAILED')) problems.push(`a line was refused in line ${call.begin + 1}`);
    const before = answerBytes.get(port) ?? 0;
    const after = before + Math.max(0, call.result ?? 0);
    answerBytes.set(port, after);
    for (const line of lines.slice(Math.ceil(before / OK_BYTES), Math.ceil(after / OK_BYTES))) {
      for (const channel of channels.filter((channel) => !log.isDurable(line, channel, call.begin))) {
        problems.push(`${line} was answered in line ${call.begin + 1} before it was durable in ${channel}`);
      }
    }
  }
  const segments = log.segments();
  for (const segment of segments) problems.push(...log.problemsOf(segment));
  const answered = [...answerBytes.values()].reduce((sum, bytes) => sum + Math.floor(bytes / OK_BYTES), 0);
  return { answered, segments: segments.length, problems };
}

/** The calls that change data directories. */
class LogCalls {
  readonly #writes: readonly Call[];
  readonly #syncs = new Map<string, Call[]>();
  readonly #renames: readonly Call[];
  /** The writes that a line is in. */
  readonly #writesOf = new Map<string, Call[]>();

  constructor(calls: readonly Call[]) {
    this.#writes = calls.filter(({ name, result = 0 }) => /^pwrite/.test(name) && result > 0);
    this.#renames = calls.filter(({ name, result }) => /^rename/.test(name) && result === 0);
    for (const call of calls) {
      if (/^(fdatasync|fsync)$/.test(call.name) && call.result === 0) add(this.#syncs, targetOf(call)!, call);
    }
    for (const write of this.#writes) {
      for (const [mark] of write.args.matchAll(MARK)) add(this.#writesOf, mark, write);
    }
  }

  /** The segments that groups were written to. */
  segments(): string[] {
    return [...new Set(this.#writes.filter((it) => offsetOf(it) >= HEADERS).map((it) => targetOf(it)!))].filter(
      (path) => path.endsWith('.segment'),
    );
  }

  /** Whether a line was written to a directory and synced there before a line of the trace. */
  isDurable(line: string, directory: string, before: number): boolean {
    const writes = this.#writesOf.get(line) ?? [];
    return writes.some((write) => {
      const path = targetOf(write)!;
      return path.startsWith(`${directory}/`) && path.endsWith('.segment') && this.#isSynced(path, write.end, before);
    });
  }

  /** What is not as it should be before the first group of a segment: its bytes, its name and its header must be durable. */
  problemsOf(path: string): string[] {
    const writes = this.#writes.filter((write) => targetOf(write) === path);
    const group = writes.find((write) => offsetOf(write) >= HEADERS)!;
    const header = writes.findLast((write) => offsetOf(write) === 0 && write.end < group.begin);
    const name = `<${dirname(path)}>, "${basename(path)}"`;
    const naming = this.#renames.findLast(({ args, end }) => args.endsWith(name) && end < group.begin);
    const problems: string[] = [];
    const demand = (what: string, holds: boolean) => {
      if (!holds) problems.push(`${path} had a group in line ${group.begin + 1} before ${what}`);
    };
    demand('its header was durable', header !== undefined && this.#isSynced(path, header.end, group.begin));
    demand('its name was durable', naming !== undefined && this.#isSynced(dirname(path), naming.end, group.begin));
    const filling = join(dirname(path), 'filling');
    const filled = this.#writes.findLast((write) => targetOf(write) === filling && write.end < (naming?.begin ?? 0));
    demand('its zeros were durable', filled === undefined || this.#isSynced(filling, filled.end, naming!.begin));
    return problems;
  }

  /** Whether a successful sync lies between two lines of the trace. */
  #isSynced(path: string, from: number, to: number): boolean {
    return this.#syncs.get(path)?.some(({ begin, end }) => begin > from && end < to) ?? false;
  }
}

function add(calls: Map<string, Call[]>, key: string, call: Call): void {
  const known = calls.get(key);
  if (known === undefined) calls.set(key, [call]);
  else known.push(call);
}

function offsetOf({ args }: Call): number {
  return Number(/, (\d+)$/.exec(args)?.[1]);
}
