import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface RunAgentOptions {
  /** The agent to run. Default `a1`. */
  readonly name?: string;
  /** Further words of the command line. */
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Most files and sockets the process may have open, where that is less than it has now. */
  readonly openFilesMax?: number;
  /** Words in front of the command line: a program that becomes the agent, such as `strace -D`. */
  readonly under?: readonly string[];
  /** What to do with standard output: collect its lines (the default), or leave it unread, as a terminal that hangs would, until `readOutput`. */
  readonly output?: 'lines' | 'unread';
  /** Sources and sinks that must be open before the agent counts as started. Default: all. */
  readonly waitFor?: readonly string[];
  /** How long the agent may take until that. Default 15,000. */
  readonly startTimeoutMs?: number;
}

/** One line of an agent's log. */
export interface AgentLogLine {
  readonly level: string;
  readonly component?: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How an agent's process ended. */
export interface AgentEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** An agent that runs as a process of its own. Leaving its scope kills it. */
export interface RunningAgent extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly ended: Promise<AgentEnd>;
  /** Lines of standard output so far: what logger sinks write. */
  readonly output: readonly string[];
  /** Begins to collect the lines of standard output that was left unread. */
  readOutput(): void;
  readonly log: readonly AgentLogLine[];
  /** Where a source of this name listens. */
  port(source: string): number;
  /** Bytes of memory that the process uses. */
  rssBytes(): number;
  /** Sends a signal, SIGTERM if no other is named, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<AgentEnd>;
}

/**
 * Runs the command line program on a configuration, given as text or as the path of a file, and resolves when every source and sink of the
 * agent is open, or those that are waited for. Rejects with what it said when that does not happen.
 */
export async function runAgent(configuration: string, options: RunAgentOptions = {}): Promise<RunningAgent> {
  const { name = 'a1', args = [], environment = {}, openFilesMax, under = [], output: wanted = 'lines' } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'millrace-agent-'));
  const isFile = !configuration.includes('\n') && existsSync(configuration);
  const file = isFile ? configuration : join(scratch, 'agent.conf');
  if (!isFile) writeFileSync(file, configuration);
  const components = componentsOf(name, readFileSync(file, 'utf8')).filter(
    (component) => options.waitFor?.some((wanted) => component.endsWith(`.${wanted}`)) ?? true,
  );

  const program = fileURLToPath(import.meta.resolve('millrace/bin/millrace.js'));
  const command = [process.execPath, program, 'agent', '-n', name, '-f', file, ...args];
  const limited = openFilesMax === undefined ? [] : ['sh', '-c', `ulimit -n ${openFilesMax} && exec "$0" "$@"`];
  const [first, ...rest] = [...limited, ...under, ...command] as [string, ...string[]];
  const child = spawn(first, rest, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });

  const ended = new Promise<AgentEnd>((resolve) => {
    child.once('close', (code, signal) => {
      rmSync(scratch, { recursive: true, force: true });
      resolve({ code, signal });
    });
  });
  const output: string[] = [];
  let reading = false;
  const readOutput = () => {
    if (!reading) createInterface(child.stdout).on('line', (line) => output.push(line));
    reading = true;
  };
  if (wanted === 'lines') readOutput();
  const log: AgentLogLine[] = [];
  const said: string[] = [];
  const started = Promise.withResolvers<void>();
  createInterface(child.stderr).on('line', (line) => {
    said.push(line);
    if (line.startsWith('{')) log.push(JSON.parse(line));
    const open = log.filter(({ msg }) => msg.startsWith('Started')).map(({ component }) => component);
    if (components.every((component) => open.includes(component))) started.resolve();
  });

  const agent: RunningAgent = {
    process: child,
    ended,
    output,
    readOutput,
    log,
    port(source) {
      const listening = log.findLast(({ msg, component }) => msg === 'Listening.' && component?.endsWith(`.${source}`));
      if (listening === undefined) throw new Error(`${source} has not said where it listens.\n${said.join('\n')}`);
      return (listening['address'] as { port: number }).port;
    },
    rssBytes() {
      const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      return Number(kibibytes) * 1024;
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      readOutput();
      await agent.stop('SIGKILL');
    },
  };

  const { startTimeoutMs = 30_000 } = options;
  const timeout = setTimeout(
    () => started.reject(new Error(`Not started after ${startTimeoutMs} ms.`)),
    startTimeoutMs,
  );
  ended.then(({ code }) => started.reject(new Error(`Ended with code ${code} instead of starting.`)));
  try {
    await started.promise;
  } catch (error) {
    await agent.stop('SIGKILL');
    throw new Error(`${(error as Error).message}\n${said.join('\n')}`);
  } finally {
    clearTimeout(timeout);
  }
  return agent;
}

/** The sources and sinks that a configuration names, as they are called in the log. */
function componentsOf(agent: string, configuration: string): string[] {
  return (['sources', 'sinks'] as const).flatMap((kind) => {
    const [, names = ''] = new RegExp(String.raw`^\s*${agent}\.${kind}\s*[=:](.*)$`, 'm').exec(configuration) ?? [];
    return names
      .split(/\s+/)
      .filter(Boolean)
      .map((name) => `${agent}.${kind}.${name}`);
  });
}
