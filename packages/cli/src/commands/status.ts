import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-codes.ts';

const whichHelp = `
Which agents:
  Those of the user who runs the command; nobody else but root reaches them. Their sockets are in $MILLRACE_RUN_DIR, or else in
  $XDG_RUNTIME_DIR/millrace or /tmp/millrace-UID. For the agent of another user: sudo -u USER millrace …`;

const help = `
What it says, for each agent:
  sources   events accepted, which all required channels hold; how many a second, over the last ten; restarts after crashes
  channels  events queued, those included that a sink is delivering; how full that is; how long the oldest has been waiting
  sinks     events delivered
  and why a component does not run, in its own words. It is tried again by itself, with growing pauses.
${whichHelp}

Examples:
  millrace status
  millrace status -n a1 --json | jq '.[0].channels[] | {name, queued, fillPercent, oldestMs}'
  until millrace status -n a1 >/dev/null 2>&1; do sleep 1; done
      waits until a1 has started, and everything in it runs

Exit codes:
  0  every component of every agent that was meant runs
  1  one does not, or the agent is still starting or already stopping
  2  the command line cannot be understood
  3  no agent runs, or one does not answer

More: docs/guides/operating.md`;

/** Adds `status`, which says what running agents are doing. */
export function addStatusCommand(program: Command, end: (code: ExitCode) => void): void {
  withAgents(
    program
      .command('status')
      .summary('say what running agents are doing')
      .description('Says what the agents of this user are doing: components, states, rates, and what is queued.'),
  )
    .option('--json', 'as JSON, with every figure')
    .addHelpText('after', help)
    .action(async (options) => {
      const { status } = await import('../control/status.ts');
      end(await status(options));
    });
}

/** The options that say which running agents are meant. */
export function withAgents(command: Command): Command {
  return command
    .option('-n, --name <name>', 'the agent of this name')
    .option('--pid <number>', 'the agent with this process, where two have the same name', processNumber);
}

/** The part of a help text about {@link withAgents}, for the commands that need one agent. */
export const oneAgentHelp = `${whichHelp}
  Without -n it must be the only one; where several run, they are listed and nothing is done.`;

function processNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be the number of a process.');
}
