import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Registry } from './registry.ts';

/** What a command wrote, and its exit code. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What every machine has. npm runs scripts of packages by `sh`. */
const coreutils = ['cat', 'env', 'ls', 'mkdir', 'rm', 'sh', 'uname'];

/** How a company's network is reached, if npm has to. */
const network = Object.entries(process.env).filter(([name]) => /_proxy$|^NODE_EXTRA_CA_CERTS$|^SSL_CERT/i.test(name));

/**
 * As little of a machine as npm can install on: a directory with an empty home, and a PATH with one Node, npm and a few commands.
 * Leaving its scope ends what still runs, and removes all of it.
 */
export class BareMachine implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'millrace-machine-'));
  readonly home = this.#directory('home');
  /** Where programs put what is temporary. */
  readonly temporary = this.#directory('tmp');
  /** Where sockets of this user are. */
  readonly runtime = this.#directory('run');
  /** Where packages are installed. */
  readonly prefix = this.#directory('prefix');
  readonly #bin = this.#directory('bin');
  readonly #registry: Registry;
  readonly #running = new Set<ChildProcess>();

  /** @param node the executable */
  constructor(node: string, registry: Registry) {
    this.#registry = registry;
    symlinkSync(node, join(this.#bin, 'node'));
    symlinkSync(npm(), join(this.#bin, 'npm'));
    for (const name of coreutils) symlinkSync(find(name), join(this.#bin, name));
  }

  /** Runs a command in the prefix to its end; what is installed there can be named. */
  async run(command: string, ...args: readonly string[]): Promise<Ran> {
    const installed = join(this.prefix, 'node_modules', '.bin', command);
    const path = existsSync(installed) ? installed : join(this.#bin, command);
    const child = spawn(path, args, { cwd: this.prefix, env: this.#environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    const [code] = await once(child, 'close');
    this.#running.delete(child);
    return { code, stdout, stderr };
  }

  /** Runs npm, with the registry. */
  npm(...args: readonly string[]): Promise<Ran> {
    return this.run('npm', ...args, '--prefix', this.prefix, '--no-audit', '--no-fund', '--prefer-offline');
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...Object.fromEntries(network),
      PATH: this.#bin,
      HOME: this.home,
      TMPDIR: this.temporary,
      XDG_RUNTIME_DIR: this.runtime,
      npm_config_registry: this.#registry.url,
      // What others have published is in npm's cache since the clone was set up.
      npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
      npm_config_replace_registry_host: 'never',
      npm_config_update_notifier: 'false',
    };
  }

  #directory(name: string): string {
    const path = join(this.#root, name);
    mkdirSync(path);
    return path;
  }

  [Symbol.dispose](): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function find(name: string): string {
  const found = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, name));
  const path = found.find((file) => existsSync(file));
  if (path === undefined) throw new Error(`There is no ${name} on PATH, which this test needs.`);
  return path;
}

/** npm itself, behind all links: it looks for its parts beside it. */
function npm(): string {
  const running = process.env['npm_execpath'];
  return running?.endsWith('npm-cli.js') ? running : realpathSync(find('npm'));
}
