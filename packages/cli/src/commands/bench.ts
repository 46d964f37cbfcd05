import { type Command, InvalidArgumentError } from 'commander';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

const help = `
What it does:
  Threads put events of 512 bytes into every channel this Millrace has (memory, file with each way to sync, jdbc), in batches of 1, 100
  and 1000, with 1, 4 and 16 puts in flight, while another thread takes them. Beside that it measures what nothing on this host does
  faster: a memcpy, and a loop that writes and syncs as much. Then it says in words which channel and batch size to use here, and why.

  It takes one to two minutes, and while it runs nothing else should be busy on the host. It needs 2 GiB in the directory, writes files
  there that are gone afterwards, and touches no channel of a running agent.

Examples:
  millrace bench channels --dir /var/lib/flume
      the disk that channels of agents will lie on
  millrace bench channels --quick
      a first impression, in about twenty seconds
  millrace bench channels --json today.json --svg today.svg
      every single run, and a picture

Exit codes:
  0  measured
  1  it could not be measured, or was stopped by Ctrl-C; nothing is left behind
  2  the command line cannot be understood`;

/** Adds `bench`, whose parts measure what Millrace does on this host. */
export function addBenchCommand(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('bench')
    .summary('measure channels on this host')
    .description('Measures what Millrace does on this host.')
    .command('channels')
    .summary('which channel and batch size to use here')
    .description('Measures the channels on this host, and says which to use, with which batches, and why.')
    .option('--dir <directory>', 'a directory on the disk that is measured (default: the current one)')
    .option('--type <type>', 'measure only channels of this type (repeatable): memory, file or jdbc', repeated)
    .option('--runs <number>', 'how often everything is measured; medians are shown (default: 3)', wholeNumber)
    .option('--quick', 'measure once and shortly')
    .option('--json <file>', 'write everything measured to a file as well')
    .option('--svg <file>', 'draw it into a file as well')
    .addHelpText('after', help)
    .action(async (options) => {
      const { benchChannels } = await import('../bench/channels.ts');
      const { stopSignal } = await import('../agent/stop-signal.ts');
      const { signal } = stopSignal(() => {});
      try {
        await benchChannels({ dir: '.', runs: 3, quick: false, ...options }, signal);
        end(exitCodes.done);
      } catch (error) {
        const reason = signal.aborted ? 'stopped before everything was measured' : (error as Error).message;
        process.stderr.write(`\nmillrace bench: ${reason}\n`);
        end(exitCodes.failed);
      }
    });
}

const repeated = (value: string, earlier: readonly string[] = []) => [...earlier, value];

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 999.');
}
