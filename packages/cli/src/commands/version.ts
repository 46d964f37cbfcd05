import { version } from '@millrace/kernel/version';
import type { Command } from 'commander';

/** Millrace's own version, and the version of Flume whose files, flags and protocols it takes. */
export function versionText(): string {
  return `Millrace ${version}, compatible with Flume 1.11.0`;
}

/** Adds `version`, which takes and ignores the flags of Flume's launcher. */
export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version of Millrace and of the Flume it is compatible with.')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      process.stdout.write(`${versionText()}\n`);
    });
}
