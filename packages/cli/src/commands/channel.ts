import { type Command, InvalidArgumentError } from 'commander';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

const directoriesHelp = `
DIR is a directory of the channel's dataDirs, in which its *.segment files are, or the one that holds data/ and checkpoint/, such as
~/.flume/file-channel/AGENT/CHANNEL. Give all of its dataDirs when it has several. Checkpoints are looked for beside the data; where they are
elsewhere, say --checkpoint DIR. Without them everything works, and takes longer.

The agent has to be stopped, or DIR has to be a copy of its directories.`;

const help = `${directoriesHelp}

Examples:
  millrace channel status ~/.flume/file-channel/a1/c1
  millrace channel verify /disk1/c1/data /disk2/c1/data --checkpoint /disk1/c1/checkpoint

Exit codes:
  0  done; for verify: everything is as it should be
  1  something is not as it should be, or the command failed; the output says what
  2  the command line cannot be understood

What is in such a directory, and what to do when something is wrong with it: docs/guides/file-channel.md`;

const verifyHelp = `${directoriesHelp}

What it compares: every header, every record and its checksum, the encoding of every event, that events are numbered without a gap, that only events
that there are were taken, and what the checkpoint says. Each thing that is wrong is a line with the file, the byte and what is lost by it.
It changes nothing.`;

const dumpHelp = `${directoriesHelp}

A line is {"headers":{…},"body":"…"}; a body that is no UTF-8 text stands as "base64" instead. --avro writes what the avro_event serializer of
Flume's sinks does. What cannot be read is left out and told at the end. It changes nothing: what was dumped is still queued.

Examples:
  millrace channel dump DIR --limit 10
  millrace channel dump DIR | jq -r .body
  millrace channel dump DIR --avro events.avro`;

const repairHelp = `${directoriesHelp}

An agent that starts cuts off what a crash left half-written and passes over damage on its own. This is for what it refuses, or would complain
about again and again:

- A file it refuses, because it is of another channel, of a later version, or of no channel that can be told, is renamed to
  <name>.quarantined. To undo that, give it its name back.
- A header that cannot be read is written again, from its other copy or from what the records behind it say.
- Bytes that cannot be read are filled with a record that says which events were there. They are lost; everything else stays where it is.
- A checkpoint says what is queued then. One that does not fit the log is renamed to <name>.quarantined.

Before a segment is changed it is copied to <number>.damaged. Without --yes it only says what it would do.`;

/** What every part of `channel` is told. */
export interface ChannelOptions {
  readonly checkpoint?: readonly string[];
}

/** Adds `channel`, whose parts look into the directories of a file channel that is not in use. */
export function addChannelCommand(program: Command, end: (code: ExitCode) => void): void {
  const channel = program
    .command('channel')
    .summary('look into a stopped file channel, and mend it')
    .description('Looks into the directories of a file channel that is not in use, and mends them.')
    .addHelpText('after', help);
  const add = (name: string, summary: string, description: string, text: string) =>
    channel
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<dir...>', 'directories of one channel')
      .option('--checkpoint <dir>', 'a directory with its checkpoints (repeatable)', repeated)
      .addHelpText('after', text);

  add(
    'status',
    'what is queued, and in what state the files are',
    'Says what is in a channel, as its next opening will find it.',
    directoriesHelp,
  )
    .option('--json', 'as JSON, with every segment')
    .action(run(end, async () => (await import('../channel/status.ts')).status));

  add(
    'verify',
    'compare every byte with its checksum',
    'Reads all of a channel, and compares whatever can be compared.',
    verifyHelp,
  ).action(run(end, async () => (await import('../channel/verify.ts')).verify));

  add('dump', 'print the events', 'Prints the queued events in order, as JSON lines.', dumpHelp)
    .option('--limit <number>', 'at most so many events', wholeNumber)
    .option('--all', 'also those that were delivered and are still in the files')
    .option('--avro <file>', 'write an Avro container file instead')
    .action(run(end, async () => (await import('../channel/dump.ts')).dump));

  add(
    'repair',
    'mend what keeps a channel from opening',
    'Says what would mend a channel, and does it with --yes.',
    repairHelp,
  )
    .option('--yes', 'do it')
    .action(run(end, async () => (await import('../channel/repair.ts')).repair));
}

type Part<Options> = (directories: readonly string[], options: Options) => Promise<ExitCode>;

/** Runs a part; what keeps it from its work is one sentence. */
export function run<Options>(end: (code: ExitCode) => void, load: () => Promise<Part<Options>>) {
  return async (directories: readonly string[], options: Options): Promise<void> => {
    try {
      const part = await load();
      end(await part(directories, options));
    } catch (error) {
      const { message } = error as Error;
      const advice = message.includes('Permission denied') ? ': run this as the user the agent runs as' : '';
      process.stderr.write(`${message}${advice}\n`);
      end(exitCodes.failed);
    }
  };
}

const repeated = (value: string, earlier: readonly string[] = []) => [...earlier, value];

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
