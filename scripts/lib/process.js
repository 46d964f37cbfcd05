/**
 * What every script needs to run others: the root of the project, the environment of its tools, and ways to start them and to give up.
 * Plain JavaScript without packages, because it runs before anything is installed, on whatever Node (20 or later) the machine has.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of the clone. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the tools of the project are, the pinned Node among them. */
export const bin = join(root, 'node_modules', '.bin');

const cargoHome = process.env['CARGO_HOME'] ?? join(homedir(), '.cargo');

/** The directories where tools are looked for: the project's own come first, rustup's default comes last. */
const path = [bin, ...(process.env['PATH'] ?? '').split(delimiter), join(cargoHome, 'bin')];

/** The environment of every child: our Node before the machine's, nothing reports home, nothing asks. */
export const environment = {
  ...process.env,
  PATH: path.join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  DO_NOT_TRACK: '1',
};

/** Whether a command of this name could be started. @param {string} name */
export const has = (name) => path.some((directory) => existsSync(join(directory, name)));

/** Says something to the person in front of the terminal; never on stdout, which belongs to results. @param {string} message */
export function say(message) {
  process.stderr.write(`${message}\n`);
}

/**
 * Ends the script with one message, which says what happened and what to do.
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  say(message);
  process.exit(1);
}

/**
 * Runs a command in the root of the project to its end. With `onLine` its output is handed over line by line, without it the
 * command shares our terminal.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, onLine?: (line: string) => void }} [options]
 * @returns {Promise<number>} its exit code; a signal that ended it counts as 128, as in a shell
 */
export function run(command, args, { env = {}, onLine } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...environment, ...env },
    stdio: onLine === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  if (onLine !== undefined) for (const stream of [child.stdout, child.stderr]) eachLine(stream, onLine);
  return finished(child, command);
}

/**
 * Runs a command as if it stood in our place: it has our terminal and gets our signals, and its exit code is ours.
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<never>}
 */
export async function become(command, args) {
  const child = spawn(command, args, { cwd: root, env: environment, stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  process.exit(await finished(child, command));
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} command
 * @returns {Promise<number>}
 */
function finished(child, command) {
  return new Promise((resolve) => {
    child.once('error', (error) => fail(`Cannot run ${command}: ${error.message}.`));
    child.once('close', (code) => resolve(code ?? 128));
  });
}

/**
 * @param {import('node:stream').Readable | null} stream
 * @param {(line: string) => void} onLine
 */
function eachLine(stream, onLine) {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (/** @type {string} */ text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  stream?.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
