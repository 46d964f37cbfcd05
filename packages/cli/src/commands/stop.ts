import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import { oneAgentHelp, withAgents } from './status.ts';

const help = `
What happens:
  The sources accept nothing more, then the sinks deliver what is queued, for up to half a minute. What is in a durable channel then stays there;
  what is in a memory channel is lost, and told. It is the same as Ctrl-C or SIGTERM.

  The command waits for the end of the process. When that takes longer than --timeout it goes, and the agent goes on stopping.
${oneAgentHelp}

Examples:
  millrace stop
      the only agent that runs
  millrace stop -n a1 --timeout 5

Exit codes:
  0  the agent has ended, and everything it had accepted was delivered or is kept
  1  it has ended otherwise, or not in time; the output says what
  2  the command line cannot be understood, or leaves open which agent is meant
  3  no agent runs, or it does not answer

More: docs/guides/operating.md`;

/** Adds `stop`, which ends a running agent in order. */
export function addStopCommand(program: Command, end: (code: ExitCode) => void): void {
  withAgents(
    program
      .command('stop')
      .summary('stop a running agent, and say how that went')
      .description('Stops a running agent in order: what it has accepted is delivered first.'),
  )
    .option('--timeout <seconds>', 'how long to wait for its end', seconds, 60)
    .addHelpText('after', help)
    .action(async (options) => {
      const { stop } = await import('../control/stop.ts');
      end(await stop(options));
    });
}

function seconds(text: string): number {
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number of seconds.');
}
