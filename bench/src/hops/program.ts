import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
/** Lines of a log that are kept to explain a failure. */
const LOG_LINES = 30;
export const READY_MS = 60_000;

/** A process that is measured, in an empty directory of its own that is gone when it has been stopped. */
export class Program {
  readonly name: string;
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  #startedMs = 0;
  #process!: ChildProcess;
  readonly #log: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  start(command: string, args: readonly string[]): this {
    this.#startedMs = performance.now();
    this.#process = spawn(command, args, { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      createInterface(stream).on('line', (line) => this.read(line));
    }
    process.once('exit', this.#kill);
    return this;
  }

  /** Waits until a connection is accepted, or a datagram would be; in seconds since the start. */
  async accepting(port: number, over: 'tcp' | 'udp' = 'tcp'): Promise<number> {
    const accepts = over === 'tcp' ? canConnect : takesDatagrams;
    while (performance.now() - this.#startedMs < READY_MS) {
      if (this.#process.exitCode !== null) break;
      if (await accepts(port)) return (performance.now() - this.#startedMs) / 1_000;
      await sleep(5);
    }
    throw this.failure(`does not listen on port ${port}`);
  }

  /** User and system time of the process so far. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** Time of the main thread alone so far, on the processor. */
  mainThreadSeconds(): number {
    const { pid } = this.#process;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
  }

  /** Resolves when the process does nothing any more. */
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

  /** Takes the processor away, so that another process has the machine for itself. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      // All of its output is read then.
      const ended = once(this.#process, 'close');
      this.resume();
      this.#process.kill('SIGTERM');
      const timer = setTimeout(this.#kill, 20_000);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Takes a line of its output. */
  protected read(line: string): void {
    this.#log.push(line);
    if (this.#log.length > LOG_LINES) this.#log.shift();
  }

  protected failure(what: string): Error {
    return new Error([`${this.name} ${what}. Its log ends so:`, ...this.#log].join('\n'));
  }

  readonly #kill = () => this.#process.kill('SIGKILL');
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

function takesDatagrams(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  return ['/proc/net/udp', '/proc/net/udp6'].some((sockets) => readFileSync(sockets, 'utf8').includes(local));
}
