import { type Command, Option } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import type { JavaSettings } from './agent.ts';

const help = `
What it says:
  Every mistake at once, with its place, the line, what becomes of it, and what to do. Beside what keeps a component from starting that is what Flume
  finds only when events flow, or never: batches that no transaction of a channel can hold, channels that nobody fills or empties, a port or
  directory that two components have, properties that nothing reads, components that no list names.

  An error is something that does not run as it is written. A warning is something that runs, though hardly as it was meant. What is right
  and still worth knowing stands at the end, such as a limit that nobody has set; it is never counted.

  The agent says the same when it starts, drops what is bad and runs the rest. Nothing is opened and nobody is connected to: that a port is free or
  a peer is there cannot be seen here.

Examples:
  millrace check -f flows.conf
      all agents of the file
  millrace check -f flows.conf -n a1 -c /etc/flume/conf -Denv=production
      one of them, with the settings that its agent gets
  millrace check -f base.conf -f production.conf --strict
      files that are merged as the agent merges them, in a pipeline that shall not accept warnings either
  millrace check -f flows.conf --json | jq -r '.diagnostics[] | "\\(.file):\\(.line) \\(.code)"'

Exit codes:
  0  no errors; with --strict no warnings either
  1  at least one
  2  the command line cannot be understood

More, and what every agent loses at worst: docs/guides/checking.md and millrace help explain`;

/** The options that say which configuration is meant, for the commands that only look at one. */
export function withConfiguration(command: Command): Command {
  return command
    .addOption(new Option('-f, --conf-file <file...>', 'configuration files; later ones win').makeOptionMandatory())
    .option('-n, --name <name>', 'only this agent (default: all in the files)')
    .option('-c, --conf <dir>', 'configuration directory, of which flume-env.sh is read');
}

/** Adds `check`, which says what is wrong with a configuration without running it. */
export function addCheckCommand(program: Command, java: () => JavaSettings, end: (code: ExitCode) => void): Command {
  const command = program
    .command('check')
    .summary('say everything that is wrong with a configuration')
    .description('Says everything that is wrong with a configuration, and what to do about it. Nothing is started.');
  return withConfiguration(command)
    .option('--json', 'as JSON, with a code for every kind of mistake')
    .option('--strict', 'fail for warnings too')
    .addHelpText('after', help)
    .action(async (options) => {
      const { check } = await import('../check/check.ts');
      end(await check(options, java().systemProperties));
    });
}
