import { FileRepair } from '@millrace/channel-native';
import type { ChannelOptions } from '../commands/channel.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print } from '../print.ts';
import { commandFor, locate } from './directories.ts';
import { ProgressLine } from './progress.ts';

interface RepairOptions extends ChannelOptions {
  readonly yes?: boolean;
}

/** Says what would mend a channel, and does it if that is wanted. */
export async function repair(named: readonly string[], { checkpoint, yes = false }: RepairOptions): Promise<ExitCode> {
  const directories = locate(named, checkpoint);
  const progress = new ProgressLine(process.stderr);
  progress.show('reading everything');
  using work = await FileRepair.plan(directories, { toApply: yes }).finally(() => progress.clear());
  if (work.steps().length === 0) {
    await print('There is nothing to mend.\n');
    return exitCodes.done;
  }
  if (!yes) {
    await print(listed('This would be done:', work.steps()));
    const more = work.isLast()
      ? ''
      : ' What is to be done then can only be seen when this is done; it is said before it is done.';
    await print(`Nothing was changed.${more} To do it: ${commandFor('repair', directories, '--yes')}\n`);
    return exitCodes.failed;
  }
  await mend(work);
  await print('Done.\n');
  return exitCodes.done;
}

/** Does everything, and says each time what. */
export async function mend(work: FileRepair): Promise<void> {
  let more = true;
  while (more) {
    if (work.steps().length > 0) await print(listed('Doing this:', work.steps()));
    more = await work.apply();
  }
}

function listed(what: string, steps: readonly string[]): string {
  return `${what}\n${steps.map((step) => `- ${step}\n`).join('')}`;
}
