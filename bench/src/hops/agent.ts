import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** The script that runs the real Flume and its client. */
export const flume = join(root, 'test/peers/flume/flume');
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export const names = ['Millrace', 'Flume'] as const;
export type Name = (typeof names)[number];

/** How often both null sinks say how many events they have dropped, and how. */
const dropped: Record<Name, RegExp> = {
  Millrace: /"events":(\d+).*"Null sink/,
  Flume: /Null sink \S+ successful processed (\d+) events/,
};
/** Lines of an agent's log that are kept to explain a failure. */
const LOG_LINES = 30;
const READY_MS = 60_000;

/** What the null sink of an agent had dropped at a moment, and what processor time the agent had used until then. */
export interface Count {
  readonly events: number;
  readonly atMs: number;
  readonly cpuSeconds: number;
}

/** A whole agent as a process of its own. It runs the agent `a1` of a configuration. */
export class Agent {
  readonly name: Name;
  readonly startedMs = performance.now();
  readonly #directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  readonly #process: ChildProcess;
  readonly #log: string[] = [];
  #onCount: ((count: Count) => void) | undefined;

  constructor(name: Name, configuration: string) {
    this.name = name;
    const file = join(this.#directory, 'a1.properties');
    writeFileSync(file, configuration);
    const agent = ['agent', '-n', 'a1', '-f', file];
    const millrace = join(root, 'packages/cli/bin/millrace.js');
    const [command, args] = name === 'Flume' ? [flume, agent] : [process.execPath, [millrace, ...agent]];
    this.#process = spawn(command, args, { cwd: this.#directory, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      createInterface(stream).on('line', (line) => this.#read(line));
    }
    process.once('exit', this.#kill);
  }

  /** Waits until the agent accepts a connection; in seconds since it was started. */
  async accepting(port: number): Promise<number> {
    while (performance.now() - this.startedMs < READY_MS) {
      if (this.#process.exitCode !== null) break;
      if (await canConnect(port)) return (performance.now() - this.startedMs) / 1_000;
      await sleep(5);
    }
    throw this.#failure(`does not listen on port ${port}`);
  }

  /** What the null sink says next, `afterMs` from now or later. */
  async nextCount(afterMs: number): Promise<Count> {
    const fromMs = performance.now() + afterMs;
    const { promise, resolve, reject } = Promise.withResolvers<Count>();
    this.#onCount = (count) => {
      if (count.atMs >= fromMs) resolve(count);
    };
    const timer = setTimeout(() => reject(this.#failure('says nothing about its events')), afterMs + READY_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** User and system time of the process so far. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** Resolves when the agent does nothing any more. */
  async quiet(): Promise<void> {
    for (let before = this.cpuSeconds(); ; ) {
      await sleep(300);
      const now = this.cpuSeconds();
      if (now - before <= 1 / ticksPerSecond) return;
      before = now;
    }
  }

  /** Memory of the process that is in RAM: now, or at its highest. */
  rssMiB(which: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  }

  /** Takes the processor away, so that the other agent of a pair has the machine for itself. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.resume();
      this.#process.kill('SIGTERM');
      const timer = setTimeout(this.#kill, 20_000);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.#directory, { recursive: true });
  }

  readonly #kill = () => this.#process.kill('SIGKILL');

  #read(line: string): void {
    this.#log.push(line);
    if (this.#log.length > LOG_LINES) this.#log.shift();
    const events = dropped[this.name].exec(line)?.[1];
    if (events === undefined) return;
    this.#onCount?.({ events: Number(events), atMs: performance.now(), cpuSeconds: this.cpuSeconds() });
  }

  #failure(what: string): Error {
    return new Error([`${this.name} ${what}. Its log ends so:`, ...this.#log].join('\n'));
  }
}

/** Runs `measure` with Millrace and Flume in turns, `runs` times, and collects what it returns. */
export async function inTurns<Value>(
  runs: number,
  measure: (name: Name) => Promise<Value>,
): Promise<Record<Name, Value[]>> {
  const values: Record<Name, Value[]> = { Millrace: [], Flume: [] };
  for (let run = 0; run < runs; run += 1) {
    // Who begins changes, so that what drifts during a run hurts both alike.
    for (const name of run % 2 === 0 ? names : names.toReversed()) values[name].push(await measure(name));
  }
  return values;
}

/** Makes the real Flume ready, or does something else with it that may not be possible. Returns why it cannot run here, if so. */
export function missingFlume(...args: string[]): string | undefined {
  try {
    execFileSync(flume, args.length > 0 ? args : ['setup'], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    return undefined;
  } catch (error) {
    const { status, stderr } = error as { status: number | null; stderr: string };
    if (status === 3) return stderr.trim();
    throw error;
  }
}

/** A TCP port of 127.0.0.1 that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return (address as { port: number }).port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (connected: boolean) => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
