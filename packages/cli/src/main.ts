import { Command, CommanderError } from 'commander';
import { addAgentCommand } from './commands/agent.ts';
import { addAvroClientCommand } from './commands/avro-client.ts';
import { addBenchCommand } from './commands/bench.ts';
import { addChannelCommand } from './commands/channel.ts';
import { addCheckCommand } from './commands/check.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addReloadCommand } from './commands/reload.ts';
import { addStatusCommand } from './commands/status.ts';
import { addStopCommand } from './commands/stop.ts';
import { addToolCommand } from './commands/tool.ts';
import { addVersionCommand, versionText } from './commands/version.ts';
import { type ExitCode, exitCodes, exitCodesHelp } from './exit-codes.ts';
import { takeJavaFlags } from './java-flags.ts';

const help = `
The first thing to try, in a clone of Millrace:
  millrace agent -n a1 -f examples/netcat-logger.conf
and in another terminal:
  printf 'Hello world!\\n' | nc localhost 44444

More about one command: millrace help agent
${exitCodesHelp}`;

/** Runs a command line to its end and says how it ended. Both bins are this; `name` is the one that was typed. */
export async function main(name: 'millrace' | 'flume-ng', args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  const end = (how: ExitCode) => {
    code = how;
  };

  const program = new Command(name)
    .description(
      'Millrace moves events reliably from many sources to central stores: Apache Flume’s job without a JVM.',
    )
    .usage('<command> [options]')
    .version(versionText(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .addHelpText('after', help)
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .exitOverride();
  const agent = addAgentCommand(program, () => java, end);
  const avroClient = addAvroClientCommand(program, () => java, end);
  addCheckCommand(program, () => java, end);
  addExplainCommand(program, () => java, end);
  addStatusCommand(program, end);
  addStopCommand(program, end);
  addReloadCommand(program, end);
  addVersionCommand(program);
  addBenchCommand(program, end);
  addChannelCommand(program, end);
  addToolCommand(program, end);
  const { rest, ...java } = takeJavaFlags(
    args,
    [...agent.options, ...avroClient.options].map((option) => option.name()),
  );

  try {
    await program.parseAsync(rest, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  return code;
}
