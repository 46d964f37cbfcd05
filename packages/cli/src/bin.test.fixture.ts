import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

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
}

/** Starts a bin as its users do, and kills it at the end of the test if it is still there. */
export function startBin(
  bin: 'millrace' | 'flume-ng',
  args: readonly string[],
  { node = [], cwd }: Options = {},
): StartedBin {
  const file = fileURLToPath(new URL(`../bin/${bin}.js`, import.meta.url));
  const child = spawn(process.execPath, [...node, file, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
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

/** Runs a bin to its end. */
export function runBin(bin: 'millrace' | 'flume-ng', args: readonly string[], options?: Options): Promise<Output> {
  return startBin(bin, args, options).ended;
}
