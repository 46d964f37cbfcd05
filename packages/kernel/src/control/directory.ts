import { hash } from 'node:crypto';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { MillraceError } from '../errors.ts';

/** Longest path of a socket, in bytes: the kernel's structure for it has 108, with a zero at the end. */
const PATH_BYTES_MAX = 107;

/** Where the sockets of agents are. */
export interface RunDirectory {
  readonly path: string;
  /** Whether the operator has named it. */
  readonly explicit: boolean;
}

/** Where sockets can be for somebody with this environment; an agent makes its own in the first. */
export function runDirectories(environment: NodeJS.ProcessEnv): RunDirectory[] {
  const { MILLRACE_RUN_DIR: own, XDG_RUNTIME_DIR: users } = environment;
  if (own) return [{ path: resolve(own), explicit: true }];
  const paths = [...(users ? [join(resolve(users), 'millrace')] : []), `/tmp/millrace-${process.geteuid?.()}`];
  return paths.map((path) => ({ path, explicit: false }));
}

/** Makes the directory where it is missing. Throws `MR_CONTROL` when it cannot be made, or somebody else could put something there. */
export function prepareDirectory(path: string): void {
  let notMade = '';
  try {
    // Not its parents too: below /proc Node would try for ever.
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // What is there instead is said below.
    notMade = ` and cannot be made (${(error as NodeJS.ErrnoException).code})`;
  }
  const distrust = distrustOf(path);
  if (distrust === undefined) return;
  const what = distrust === MISSING ? distrust + notMade : distrust;
  throw new MillraceError(
    'MR_CONTROL',
    `${path} ${what}. Put that right, or name another directory in MILLRACE_RUN_DIR.`,
  );
}

/** What {@link distrustOf} says of a directory that there is not. */
export const MISSING = 'is missing';

/** Why a directory must not be used: anybody but its owner could answer in the place of an agent, or reach it. */
export function distrustOf(path: string, { anyOwner = false } = {}): string | undefined {
  const uid = process.geteuid?.();
  try {
    const found = lstatSync(path);
    if (found.isSymbolicLink()) return 'is a symbolic link';
    if (!found.isDirectory()) return 'is not a directory';
    if (found.uid !== uid && !anyOwner) return `belongs to the user ${found.uid}, and not to you (${uid})`;
    if (found.mode & 0o077) return `is open to others: \`chmod 700 ${path}\``;
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? MISSING : `cannot be looked at (${code})`;
  }
}

/** The socket of an agent's process. Throws `MR_CONTROL` when the directory's path leaves no room for a name. */
export function socketPath(directory: string, agent: string, pid: number): string {
  const end = `.${pid}.sock`;
  const bytes = PATH_BYTES_MAX - Buffer.byteLength(join(directory, end));
  const safe = agent.replace(/[^\w.-]/g, '_');
  if (safe === agent && safe.length <= bytes) return join(directory, safe + end);

  const digest = `~${hash('sha256', agent).slice(0, 12)}`;
  if (digest.length > bytes) {
    throw new MillraceError(
      'MR_CONTROL',
      `The path ${directory} is too long for a socket in it: name a shorter one in MILLRACE_RUN_DIR.`,
    );
  }
  return join(directory, safe.slice(0, bytes - digest.length) + digest + end);
}

/** A file that looks like the socket of an agent. */
export interface FoundSocket {
  readonly path: string;
  readonly pid: number;
}

/** The sockets in a directory; none where there is no such directory. */
export function socketsIn(directory: string): FoundSocket[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    const pid = /\.(\d+)\.sock$/.exec(name)?.[1];
    return pid === undefined ? [] : { path: join(directory, name), pid: Number(pid) };
  });
}

/** Removes a socket whose process is gone. Where processes have other numbers, as in containers, whoever answers is not gone. */
export async function removeAbandoned({ path, pid }: FoundSocket): Promise<void> {
  if (pid !== process.pid && isRunning(pid)) return;
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') rmSync(path, { force: true });
  }
  socket.destroy();
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
