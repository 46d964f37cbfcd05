import type { Command } from 'commander';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { run } from './channel.ts';

const help = `
  -D<key>=<value> belongs to an event validator, and is taken without effect.

What it does is \`millrace channel verify\`, then \`millrace channel repair --yes\`, then Flume's summary. As Flume's tool it does not ask.
Checkpoints are looked for in a directory checkpoint beside the data; without them it works too.

Example:
  flume-ng tool FCINTEGRITYTOOL -l /disk1/c1/data,/disk2/c1/data

Exit codes:
  0  everything is as it should be, or is now
  1  something could not be done; the output says what
  2  the command line cannot be understood`;

interface ToolOptions {
  readonly dataDirs?: string;
  readonly eventValidator?: string;
}

/** Adds `tool`, under which Flume has its integrity tool of the file channel. */
export function addToolCommand(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('tool')
    .summary('check and mend the files of a file channel, as Flume’s FCINTEGRITYTOOL')
    .description(
      'Runs a tool of Flume. There is one, FCINTEGRITYTOOL: it checks the files of a file channel that is not in use, and mends them.',
    )
    .argument('<tool>', 'FCINTEGRITYTOOL')
    .option('-l, --dataDirs <dirs>', 'data directories, with commas between them')
    .option('-e, --eventValidator <class>', 'a Java class, which cannot run here')
    .option('-c, --conf <dir>', 'taken without effect')
    .option('-C, --classpath <path>', 'taken without effect')
    .option('--plugins-path <dirs>', 'taken without effect')
    .addHelpText('after', help)
    .action(async (tool: string, options: ToolOptions) => {
      const problem = problemOf(tool, options);
      if (problem !== undefined) {
        process.stderr.write(`${problem}\n`);
        return end(exitCodes.failed);
      }
      const directories = options.dataDirs!.split(',').map((directory) => directory.trim());
      const load = async () => (await import('../channel/integrity-tool.ts')).checkAndMend;
      await run(end, load)(
        directories.filter((directory) => directory !== ''),
        {},
      );
    });
}

/** Why nothing can be done; Flume ends with 1 then, too. */
function problemOf(tool: string, { dataDirs, eventValidator }: ToolOptions): string | undefined {
  if (tool.toUpperCase() !== 'FCINTEGRITYTOOL') return `There is no tool ${tool}; there is FCINTEGRITYTOOL.`;
  if (eventValidator !== undefined) {
    return `The event validator ${eventValidator} is a Java class and cannot run here; nothing was done. Without -e every checksum and the encoding of every event are compared; to judge events by what is in them, look at \`millrace channel dump\`.`;
  }
  if (dataDirs === undefined) return 'Which directories? Give the dataDirs of the channel: -l DIR[,DIR…]';
  return undefined;
}
