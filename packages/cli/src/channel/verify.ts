import { type FileDirectories, type VerifyProgress, verifyFiles } from '@millrace/channel-native';
import { bytesText, count } from '@millrace/kernel/words';
import type { ChannelOptions } from '../commands/channel.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../print.ts';
import { commandFor, locate, usedMeanwhile } from './directories.ts';
import { ProgressLine } from './progress.ts';

/** What was compared in all. */
export interface Comparison {
  segments: number;
  bytes: number;
  records: number;
  events: number;
  queued: number;
  queuedBytes: number;
  findings: number;
  eventsLost: number;
  /** Whether opening would refuse it, so that nothing else was compared. */
  refused: boolean;
}

/** Compares everything in a channel. */
export async function verify(named: readonly string[], { checkpoint }: ChannelOptions) {
  const directories = locate(named, checkpoint);
  const compared = await compare(directories);
  const { segments, bytes, records, events, queued, queuedBytes, findings, eventsLost, refused } = compared;
  if (refused) {
    await print(`Whether that can be mended, says: ${commandFor('repair', directories)}\n`);
    return exitCodes.failed;
  }
  const what = `${count(records, 'record')} with ${count(events, 'event')} in ${count(segments, 'segment')} (${bytesText(bytes)})`;
  await print(`Compared ${what}. Queued: ${count(queued, 'event')}, ${bytesText(queuedBytes)}.\n`);
  if (findings === 0) {
    await print('Everything is as it should be.\n');
    return exitCodes.done;
  }
  const lost = eventsLost === 0 ? 'No event is lost.' : `${count(eventsLost, 'event is', 'events are')} lost.`;
  await print(
    `${count(findings, 'thing is not as it', 'things are not as they')} should be. ${lost} What can be done about it: ${commandFor('repair', directories)}\n`,
  );
  return exitCodes.failed;
}

/** Compares everything, and prints what is found as it is found. */
export async function compare(directories: FileDirectories): Promise<Comparison> {
  const all: Comparison = {
    segments: 0,
    bytes: 0,
    records: 0,
    events: 0,
    queued: 0,
    queuedBytes: 0,
    findings: 0,
    eventsLost: 0,
    refused: false,
  };
  const progress = new ProgressLine(process.stderr);
  const tell = (text: string) => {
    progress.clear();
    all.findings += 1;
    return print(`${text}\n`);
  };
  try {
    for await (const part of verifyFiles(directories)) {
      add(all, part);
      for (const { text } of part.findings) await tell(text);
      progress.show(
        `${Math.floor((100 * all.bytes) / Math.max(1, part.bytesInAll))} % of ${bytesText(part.bytesInAll)} compared`,
      );
    }
  } catch (error) {
    await tell((error as Error).message);
    all.refused = true;
  }
  const used = all.findings > 0 ? usedMeanwhile(directories) : undefined;
  if (used !== undefined) await tell(used);
  progress.clear();
  return all;
}

function add(all: Comparison, { bytes, records, events, queued, queuedBytes, findings }: VerifyProgress): void {
  if (bytes > 0) all.segments += 1;
  all.bytes += bytes;
  all.records += records;
  all.events += events;
  all.queued += queued;
  all.queuedBytes += queuedBytes;
  for (const { eventsLost } of findings) all.eventsLost += eventsLost;
}
