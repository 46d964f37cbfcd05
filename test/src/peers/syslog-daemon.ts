import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, LineClient } from '@millrace/testkit';

const setup = fileURLToPath(new URL('../../peers/syslog/setup', import.meta.url));
const READY_MS = 20_000;

/** Makes rsyslog and syslog-ng ready, from Debian's packages the first time. Returns why they cannot run here. */
export function missingSyslog(): string | undefined {
  try {
    execFileSync(setup, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    return undefined;
  } catch (error) {
    const { status, stderr } = error as { status: number | null; stderr: string };
    if (status === 3) return stderr.trim();
    throw error;
  }
}

/** An rsyslog or a syslog-ng that forwards the lines it gets over TCP. */
export class SyslogDaemon implements AsyncDisposable {
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly #port: number;

  /** Starts rsyslog with an action, in its own language. */
  static async rsyslog(action: string): Promise<SyslogDaemon> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'millrace-rsyslog-'));
    const text = `global(workDirectory="${directory}" maxMessageSize="64k")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="${port}")
${action}
`;
    const root = unpacked();
    const file = join(directory, 'rsyslog.conf');
    const modules = libraries(root, 'rsyslog');
    const args = ['-n', '-M', modules, '-f', file, '-i', join(directory, 'pid')];
    return new SyslogDaemon(join(root, 'usr/sbin/rsyslogd'), args, { directory, file, text, port }).#started();
  }

  /** Starts syslog-ng with a destination, in its own language. */
  static async syslogNg(destination: string): Promise<SyslogDaemon> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'millrace-syslog-ng-'));
    const text = `@version: 3.38
options { chain-hostnames(no); keep-hostname(yes); stats-freq(0); };
source in { syslog(ip("127.0.0.1") port(${port}) transport("tcp")); };
destination out { ${destination} };
log { source(in); destination(out); };
`;
    const root = unpacked();
    const plugins = join(root, 'usr/lib/syslog-ng');
    const modules = join(plugins, readdirSync(plugins).find((name) => /^\d/.test(name))!);
    const at = (name: string) => join(directory, name);
    const own = ['-R', at('persist'), '-c', at('control'), '-p', at('pid'), '--module-path', modules];
    const file = at('syslog-ng.conf');
    const args = ['-F', '--no-caps', '-f', file, ...own];
    return new SyslogDaemon(join(root, 'usr/sbin/syslog-ng'), args, { directory, file, text, port }).#started();
  }

  private constructor(
    program: string,
    args: readonly string[],
    made: { readonly directory: string; readonly file: string; readonly text: string; readonly port: number },
  ) {
    this.#directory = made.directory;
    this.#port = made.port;
    mkdirSync(made.directory, { recursive: true });
    writeFileSync(made.file, made.text);
    const root = unpacked();
    const shared = ['libestr.so.0', 'libpcre.so.3', 'libwrap.so.0'].map((name) => dirname(libraries(root, name)));
    const path = [...new Set(shared), join(root, 'usr/lib/syslog-ng')].join(':');
    const environment = { ...process.env, LD_LIBRARY_PATH: path };
    this.#process = spawn(program, args, { env: environment, stdio: ['ignore', 'inherit', 'inherit'] });
  }

  /** Gives it lines to forward. */
  async send(...lines: readonly string[]): Promise<void> {
    const client = await LineClient.connect(this.#port);
    await client.write(lines.map((line) => `${line}\n`).join(''));
    client.socket.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#directory, { recursive: true });
  }

  async #started(): Promise<this> {
    const deadline = performance.now() + READY_MS;
    for (;;) {
      try {
        (await LineClient.connect(this.#port)).socket.destroy();
        return this;
      } catch (error) {
        if (performance.now() > deadline || this.#process.exitCode !== null) throw error;
        await sleep(50);
      }
    }
  }
}

function unpacked(): string {
  return execFileSync(setup, { encoding: 'utf8' }).trim();
}

/** Where something lies among the libraries of this machine's kind. */
function libraries(root: string, name: string): string {
  for (const base of ['usr/lib', 'lib']) {
    for (const kind of readdirSync(join(root, base)).filter((entry) => entry.includes('-linux-'))) {
      const places = readdirSync(join(root, base, kind));
      if (places.includes(name)) return join(root, base, kind, name);
    }
  }
  throw new Error(`There is no ${name} in ${root}: remove that and try again.`);
}
