import { FileRepair } from '@millrace/channel-native';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print } from '../print.ts';
import { locate } from './directories.ts';
import { mend } from './repair.ts';
import { compare } from './verify.ts';

/** What Flume's FCINTEGRITYTOOL does: compares everything, mends what is wrong, and prints Flume's summary. */
export async function checkAndMend(named: readonly string[]): Promise<ExitCode> {
  const directories = locate(named, undefined);
  const { events, findings, eventsLost } = await compare(directories);
  if (findings > 0) {
    using work = await FileRepair.plan(directories, { toApply: true });
    await mend(work);
  }
  const figures = {
    'Number of Events in the Channel': events,
    'Number of Put Events Processed': events + eventsLost,
    'Number of Valid Put Events': events,
    'Number of Invalid Put Events': 0,
    'Number of Put Events that threw Exception during validation': 0,
    'Number of Corrupt Events': eventsLost,
  };
  const lines = Object.entries(figures).map(([what, number]) => `${what} = ${number}\n`);
  await print(`---------- Summary --------------------\n${lines.join('')}---------------------------------------\n`);
  return exitCodes.done;
}
