import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { JavaSettings } from './agent.ts';
import { withConfiguration } from './check.ts';

const help = `
What it shows:
  Sources to the left, channels in the middle, sinks to the right. A broken line leads to a channel that is optional for the source. In the picture of
  --svg a broken outline is a channel that does not survive an unexpected end of the agent.

  Then, for every channel: what is lost at worst and when, and what those who sent it were told; what happens while it is full; when events leave it,
  and when they may come twice; whether they stay in order.

Examples:
  millrace explain -f flows.conf
      all agents of the file
  millrace explain -f flows.conf -n a1 --svg a1.svg
      one of them, and a picture of it for a wiki, which follows the light or dark scheme of whoever reads it

Exit codes:
  0  explained
  1  nothing of the configuration would run; what is wrong with it is told
  2  the command line cannot be understood

What is wrong with a configuration says millrace check.`;

/** Adds `explain`, which shows what an agent is made of and what it promises. */
export function addExplainCommand(program: Command, java: () => JavaSettings, end: (code: ExitCode) => void): void {
  const command = program
    .command('explain')
    .summary('show the flows of an agent, and what each may lose')
    .description(
      'Shows what the agents of a configuration are made of, and says in words what each flow may lose at worst.',
    );
  withConfiguration(command)
    .option('--svg <file>', 'draw the agent into a file as well')
    .addHelpText('after', help)
    .action(async (options) => {
      const { explain } = await import('../explain/explain.ts');
      end(await explain(options, java().systemProperties));
    });
}
