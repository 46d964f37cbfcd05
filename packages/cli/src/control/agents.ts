import { type ControlClient, connectAgent } from '@millrace/kernel/control/client';
import {
  distrustOf,
  type FoundSocket,
  MISSING,
  removeAbandoned,
  runDirectories,
  socketPath,
  socketsIn,
} from '@millrace/kernel/control/directory';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { printable } from '../print.ts';

/** How long an agent may take to answer. */
export const ANSWER_MS = 5_000;

/** Which agents are meant. */
export interface Choice {
  readonly name?: string;
  readonly pid?: number;
}

/** An agent that answers. */
export interface RunningAgent {
  readonly client: ControlClient;
  readonly name: string;
  /** For people, such as `a1 (process 4711)`. */
  readonly label: string;
}

/** What a search for agents has found. */
export interface FoundAgents {
  readonly agents: readonly RunningAgent[];
  /** Sentences about those that should answer and do not. */
  readonly silent: readonly string[];
}

/** Connects to every agent that is meant and can be reached; says on standard error where it must not look. */
export async function findAgents(choice: Choice): Promise<FoundAgents> {
  const agents: RunningAgent[] = [];
  const silent: string[] = [];
  const meet = async (socket: FoundSocket) => {
    try {
      const client = await connectAgent(socket.path, ANSWER_MS);
      const { agent: name, pid } = await client.greeted;
      agents.push({ client, name, label: `${name} (process ${pid})` });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOENT') await removeAbandoned(socket);
      else silent.push(`The agent behind ${socket.path} does not answer. ${message}`);
    }
  };

  for (const { path, explicit } of runDirectories(process.env)) {
    // Root may look into the directory of somebody else, when it is named.
    const distrust = distrustOf(path, { anyOwner: explicit && process.geteuid?.() === 0 });
    if (distrust === undefined) await Promise.all(socketsOf(path, choice).map(meet));
    else if (distrust !== MISSING) tell(`${path} ${distrust}. It was not looked into.`);
  }
  agents.sort((one, other) => one.label.localeCompare(other.label, 'en', { numeric: true }));
  return { agents, silent };
}

/** Does something with the one agent that is meant, and says why it cannot when there is not exactly one. */
export async function withAgent(choice: Choice, use: (agent: RunningAgent) => Promise<ExitCode>): Promise<ExitCode> {
  const { agents, silent } = await findAgents(choice);
  const [agent, ...others] = agents;
  try {
    for (const sentence of silent) tell(sentence);
    if (agent === undefined) return silent.length > 0 ? exitCodes.noAgent : await tellNone(choice);
    if (others.length === 0 && silent.length === 0) return await use(agent);
    const labels = agents.map(({ label }) => `  ${label}\n`).join('');
    tell(`Which agent? These answer:\n${labels}Name one by -n NAME, or by --pid PID.`);
    return exitCodes.usage;
  } catch (error) {
    tell((error as Error).message);
    return exitCodes.failed;
  } finally {
    for (const { client } of agents) client.close();
  }
}

/** Says that there is no such agent, where was looked, and which ones there are. */
export async function tellNone({ name = '', pid }: Choice): Promise<ExitCode> {
  const meant = `${name}${pid === undefined ? '' : ` with the process ${pid}`}`.trim();
  const places = runDirectories(process.env).map(({ path }) => path);
  tell(
    `No agent ${meant === '' ? '' : `${meant} `}of this user runs; sockets were looked for in ${places.join(' and ')}.`,
  );
  const { agents } = await findAgents({});
  for (const { client } of agents) client.close();
  tell(
    agents.length > 0
      ? `These run: ${agents.map(({ label }) => label).join(', ')}.`
      : 'For an agent of another user, run this as that user, or name the directory of its socket in MILLRACE_RUN_DIR.',
  );
  return exitCodes.noAgent;
}

/** A line on standard error. */
export function tell(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

function socketsOf(directory: string, { name, pid }: Choice): FoundSocket[] {
  return socketsIn(directory).filter(
    (socket) =>
      (pid === undefined || socket.pid === pid) &&
      (name === undefined || socket.path === socketPath(directory, name, socket.pid)),
  );
}
