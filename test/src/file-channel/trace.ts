/** A system call that strace saw. What comes earlier in the trace happened earlier, as far as one thing could depend on the other. */
export interface Call {
  readonly thread: string;
  readonly name: string;
  readonly args: string;
  /** What it returned; undefined when it did not return. */
  readonly result: number | undefined;
  /** The lines of the trace at which it began and returned. */
  readonly begin: number;
  readonly end: number;
}

const LINE = /^(\d+) +[\d.]+ (.*)$/;
const NO_CALL = /^(\+\+\+|---) .* (\+\+\+|---)$/;
const UNFINISHED = /^(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const WHOLE = /^(\w+)\((.*)$/;
const RETURNED = /^(.*)\) += (-?\d+|\?)(?: [A-Z].*)?$/;

/** Reads what `strace -f -ttt -yy` wrote. Throws when it meets a line that it does not understand. */
export function readTrace(text: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, { readonly at: number; readonly name: string; readonly args: string }>();
  for (const [line, content] of text.split('\n').entries()) {
    if (content === '') continue;
    const fail = (): never => {
      throw new Error(`Line ${line + 1} of the trace is not understood: ${content.slice(0, 200)}`);
    };
    const [, thread = fail(), said = fail()] = LINE.exec(content) ?? [];
    if (NO_CALL.test(said)) continue;

    const [, name, args] = UNFINISHED.exec(said) ?? [];
    if (name !== undefined && args !== undefined) {
      // Its place is taken now, because it is in the order of their beginnings that calls are listed.
      unfinished.set(thread, { at: calls.length, name, args });
      calls.push({ thread, name, args, result: undefined, begin: line, end: Infinity });
      continue;
    }
    const [, resumed, rest] = RESUMED.exec(said) ?? [];
    if (resumed !== undefined) {
      const half = unfinished.get(thread);
      const [, more = fail(), result = fail()] = RETURNED.exec(rest!) ?? [];
      if (half?.name !== resumed) return fail();
      unfinished.delete(thread);
      calls[half.at] = { ...calls[half.at]!, args: half.args + more, ...ended(result, line) };
      continue;
    }
    const [, whole = fail(), tail = fail()] = WHOLE.exec(said) ?? [];
    const [, all = fail(), result = fail()] = RETURNED.exec(tail) ?? [];
    calls.push({ thread, name: whole, args: all, begin: line, ...ended(result, line) });
  }
  return calls;
}

function ended(result: string, line: number): Pick<Call, 'result' | 'end'> {
  return result === '?' ? { result: undefined, end: Infinity } : { result: Number(result), end: line };
}

/** What the file or socket is that a call is about. */
export function targetOf({ args }: Call): string | undefined {
  return /^\d+<(.*?)>(?=, |$)/.exec(args)?.[1];
}
