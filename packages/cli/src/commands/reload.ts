import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import { oneAgentHelp, withAgents } from './status.ts';

const help = `
What happens:
  The agent reads its files again and compares them with what it runs. Only components that have changed are stopped and started again, and those whose
  channel has; all others go on, and channels keep what is in them. When something in the files is an error, nothing changes at all.

  It is the same as SIGHUP, and as waiting until the agent notices that a file has changed. With --plan it only says what it would do.
${oneAgentHelp}

Examples:
  millrace reload -n a1 --plan
  millrace reload

Exit codes:
  0  the agent runs what its files say; with --plan: it could
  1  the configuration was refused, or the command failed; the output says why
  2  the command line cannot be understood, or leaves open which agent is meant
  3  no agent runs, or it does not answer

More: docs/guides/operating.md`;

/** Adds `reload`, which has a running agent apply its changed configuration. */
export function addReloadCommand(program: Command, end: (code: ExitCode) => void): void {
  withAgents(
    program
      .command('reload')
      .summary('have a running agent apply its changed configuration')
      .description('Has a running agent read its configuration again, and apply what has changed in it.'),
  )
    .option('--plan', 'say what would change, and change nothing')
    .addHelpText('after', help)
    .action(async (options) => {
      const { reload } = await import('../control/reload.ts');
      end(await reload(options));
    });
}
