import type { Command } from 'commander';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

const later = [['avro-client', 'send lines of text to an Avro source (not yet)']] as const;

/** Adds the commands Flume has and Millrace will have, so that a script that calls one is told so. */
export function addLaterCommands(program: Command, end: (code: ExitCode) => void): void {
  for (const [name, summary] of later) {
    program
      .command(name)
      .description(summary)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        process.stderr.write(`${program.name()} ${name} comes with a later version of Millrace; nothing was done.\n`);
        end(exitCodes.failed);
      });
  }
}
