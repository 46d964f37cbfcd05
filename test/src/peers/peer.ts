import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LineClient } from '@millrace/testkit';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const flume = join(root, 'test/peers/flume/flume');
/** The command line program, as words. */
export const millrace: readonly [string, ...string[]] = [process.execPath, join(root, 'packages/cli/bin/millrace.js')];
const programs: Readonly<Record<Kind, readonly [string, ...string[]]>> = { Flume: [flume], Millrace: millrace };
/** Flume is started so often, and for so short a time, that its best compiler would only delay it. */
const env = { ...process.env, FLUME_JAVA_OPTS: '-Xmx1g -XX:TieredStopAtLevel=1 -XX:+UseSerialGC' };
const READY_MS = 30_000;

export type Kind = 'Flume' | 'Millrace';

/** Makes the real Flume ready, from Maven Central the first time. Returns why it cannot run here: Java or Maven is missing. */
export function missingFlume(): string | undefined {
  try {
    execFileSync(flume, ['setup'], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'pipe'] });
    return undefined;
  } catch (error) {
    const { status, stderr } = error as { status: number | null; stderr: string };
    if (status === 3) return stderr.trim();
    throw error;
  }
}

/** Runs a command of Flume or of Millrace to its end. */
export async function run(kind: Kind, ...words: readonly string[]): Promise<void> {
  const [command, ...args] = programs[kind];
  await promisify(execFile)(command, [...args, ...words], { env });
}

/** The agent `a1` of a configuration, run by Flume or by Millrace, as a process. */
export class Peer {
  readonly kind: Kind;
  readonly #directory = mkdtempSync(join(tmpdir(), 'millrace-peer-'));
  readonly #process: ChildProcess;
  readonly #output: string[] = [];

  /** `words` come after those that every agent is started with. */
  constructor(kind: Kind, configuration: string, words: readonly string[] = []) {
    this.kind = kind;
    const file = join(this.#directory, 'a1.properties');
    writeFileSync(file, configuration);
    const [command, ...args] = programs[kind];
    const agent = ['agent', '-n', 'a1', '-f', file, ...words];
    this.#process = spawn(command, [...args, ...agent], {
      cwd: this.#directory,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      createInterface(stream).on('line', (line) => this.#output.push(line));
    }
  }

  /** The lines of everything that was written so far. */
  output(): readonly string[] {
    return this.#output;
  }

  /** What the logger sink has written so far, without its timestamps. */
  events(): string[] {
    return this.#output.flatMap((line) => /Event: (\{.*\})$/.exec(line)?.[1] ?? []);
  }

  /** Resolves when an event that ends so has been written: everything before it has been, too. */
  async written(ending: string): Promise<void> {
    await this.#until(() => this.events().some((event) => event.endsWith(ending)), `does not write "${ending}"`);
  }

  /** Resolves when the agent listens. */
  async listening(port: number): Promise<void> {
    await this.#until(() => canConnect(port), `does not listen on port ${port}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill(signal);
      await ended;
    }
    rmSync(this.#directory, { recursive: true });
  }

  async #until(holds: () => boolean | Promise<boolean>, complaint: string): Promise<void> {
    const deadline = performance.now() + READY_MS;
    while (!(await holds())) {
      if (performance.now() > deadline || this.#process.exitCode !== null) {
        throw new Error([`${this.kind} ${complaint}:`, ...this.#output].join('\n'));
      }
      await sleep(20);
    }
  }
}

/** Sends pieces over a connection of its own, one packet each, ends it, and returns everything that came back. */
export async function converse(port: number, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const client = await LineClient.connect(port);
  for (const [number, piece] of pieces.entries()) {
    if (number > 0) await sleep(50);
    await client.write(piece);
  }
  await client.close();
  return client.received().toString();
}

async function canConnect(port: number): Promise<boolean> {
  try {
    const client = await LineClient.connect(port);
    await client.close();
    return true;
  } catch {
    return false;
  }
}
