import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

type Bin = 'millrace' | 'flume-ng';

interface Output {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartedBin {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly written: { stdout: string; stderr: string };
  readonly ended: Promise<Output>;
}

interface Options {
  /** Flags for Node itself. */
  readonly node?: readonly string[];
  readonly cwd?: string;
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a bin on a terminal of its own; what it writes there, errors included, is its standard output. */
export function startBinOnTerminal(bin: Bin, args: readonly string[], options: Options = {}): StartedBin {
  const command = [process.execPath, fileOf(bin), ...args].map((word) => `'${word}'`).join(' ');
  return start('script', ['-qec', command, '/dev/null'], options);
}

/** Starts a bin as its users do, and kills it at the end of the test if it is still there. */
export function startBin(bin: Bin, args: readonly string[], options: Options = {}): StartedBin {
  return start(process.execPath, [...(options.node ?? []), fileOf(bin), ...args], options);
}

/** Starts a bin by a line of shell, in which `"$@"` is its command. */
export function startBinInShell(line: string, bin: Bin, args: readonly string[], options: Options = {}) {
  return start('sh', ['-c', line, 'sh', process.execPath, ...(options.node ?? []), fileOf(bin), ...args], options);
}

/** Runs a bin to its end. */
export function runBin(bin: Bin, args: readonly string[], options?: Options): Promise<Output> {
  return startBin(bin, args, options).ended;
}

const fileOf = (bin: Bin) => fileURLToPath(new URL(`../bin/${bin}.js`, import.meta.url));

function start(command: string, args: readonly string[], { cwd, env }: Options): StartedBin {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));

  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  const ended = new Promise<Output>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...written }));
  });
  return { child, written, ended };
}
