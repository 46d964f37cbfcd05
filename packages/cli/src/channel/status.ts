import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type FileDirectories, type FileStatus, inspectFiles } from '@millrace/channel-native';
import { bytesText, count, whole } from '@millrace/kernel/words';
import type { ChannelOptions } from '../commands/channel.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../print.ts';
import { ago, columns, moment } from '../words.ts';
import { commandFor, locate, segmentName } from './directories.ts';

interface StatusOptions extends ChannelOptions {
  readonly json?: true;
}

/** Most segments that people are shown. */
const ROWS = 20;

const durability = {
  transaction:
    'every transaction is on the disk before it is answered. A loss of power takes nothing that was accepted; after a crash, what was delivered in the last 100 ms may be delivered again.',
  interval:
    'transactions are answered before they are on the disk (fsyncPerTransaction = false). A loss of power takes what the last fsyncInterval seconds brought (5, unless configured); the end of the process alone takes nothing.',
};

/** What is known of a channel as a whole. */
interface Summary {
  readonly queued: number;
  readonly queuedBytes: number;
  readonly oldestMs: number | undefined;
  readonly diskBytes: number;
  /** When puts are made durable, by the newest segment. */
  readonly durability: keyof typeof durability;
  /** Bytes of the log that the next opening reads. */
  readonly unreadBytes: number;
  readonly directories: readonly (FileStatus & { readonly checkpointMs: number | undefined })[];
}

/** Says what is in a channel. */
export async function status(named: readonly string[], { checkpoint, json }: StatusOptions) {
  const directories = locate(named, checkpoint);
  const summary = summarize(await inspectFiles(directories), directories);
  await print(json ? `${JSON.stringify(summary, undefined, 2)}\n` : render(summary, directories));
  return exitCodes.done;
}

function summarize(statuses: readonly FileStatus[], { checkpoints }: FileDirectories): Summary {
  const sum = (of: (status: FileStatus) => number) => statuses.reduce((all, each) => all + of(each), 0);
  const oldest = statuses.flatMap(({ oldestMs }) => oldestMs ?? []);
  return {
    queued: sum(({ queued }) => queued),
    queuedBytes: sum(({ queuedBytes }) => queuedBytes),
    oldestMs: oldest.length === 0 ? undefined : Math.min(...oldest),
    diskBytes: sum(({ diskBytes }) => diskBytes),
    durability: statuses.some(({ syncedInIntervals }) => syncedInIntervals) ? 'interval' : 'transaction',
    unreadBytes: sum(({ unreadBytes }) => unreadBytes),
    directories: statuses.map((each) => ({ ...each, checkpointMs: checkpointMs(each, checkpoints) })),
  };
}

/** When the checkpoint was written, by its file. */
function checkpointMs({ logId, checkpoint }: FileStatus, checkpoints: readonly string[]): number | undefined {
  if (checkpoint === undefined) return undefined;
  const times = checkpoints.map(
    (directory) => statSync(join(directory, `${logId}.checkpoint`), { throwIfNoEntry: false })?.mtimeMs,
  );
  return Math.max(...times.filter((time) => time !== undefined));
}

function render(summary: Summary, directories: FileDirectories): string {
  const nowMs = Date.now();
  const { queued, queuedBytes, oldestMs, diskBytes, unreadBytes } = summary;
  const oldest = oldestMs === undefined ? '' : `; the oldest was put ${ago(oldestMs, nowMs)} (${moment(oldestMs)})`;
  const spares = summary.directories.flatMap(({ others }) => others.filter(({ name }) => name.endsWith('.segment')));
  const segments = summary.directories.flatMap((each) => each.segments);
  const lines = [
    [
      'queued',
      queued === 0 ? 'nothing' : `${count(queued, 'event')} in about ${bytesText(queuedBytes)} of the log${oldest}`,
    ],
    [
      'on disk',
      `${bytesText(diskBytes)} in ${count(segments.length, 'segment')}${spares.length === 0 ? '' : `, and ${spares.length} made ahead`}`,
    ],
    ['durability', durability[summary.durability]],
    ...summary.directories.map((each) => ['checkpoint', checkpointText(each, nowMs)]),
    ['next start', unreadBytes === 0 ? 'reads nothing of the log' : `reads ${bytesText(unreadBytes)} of the log`],
  ];
  const parts = [
    lines.map(([what, text]) => `${what!.padEnd(12)}${text}\n`).join(''),
    ...summary.directories.map(renderDirectory),
  ];
  const findings = summary.directories.flatMap((each) => each.findings);
  const advice = `What can be done about it: ${commandFor('repair', directories)}\n`;
  parts.push(
    findings.length === 0
      ? `Nothing wrong was found. Only what the next start reads was looked at; to compare every byte: ${commandFor('verify', directories)}\n`
      : `${findings.map(({ text }) => `- ${text}\n`).join('')}\n${advice}`,
  );
  return parts.join('\n');
}

function checkpointText({ checkpoint, checkpointMs }: Summary['directories'][number], nowMs: number): string {
  if (checkpoint === undefined) return 'none that fits: the next start reads the whole log';
  const { segment, offset } = checkpoint;
  const age = checkpointMs === undefined ? '' : `, written ${ago(checkpointMs, nowMs)}`;
  return `up to byte ${whole(offset)} of ${segmentName(segment)}${age}`;
}

function renderDirectory({ path, segments, others }: FileStatus): string {
  const rows = segments.map(({ number, bytes, events, queued, damaged }) => [
    segmentName(number),
    bytesText(bytes),
    whole(events),
    whole(queued),
    damaged ? 'damaged' : '',
  ]);
  const hidden = rows.splice(ROWS / 2, Math.max(0, rows.length - ROWS)).length;
  if (hidden > 0) rows.splice(ROWS / 2, 0, [`… ${hidden} more (--json shows all)`, '', '', '', '']);
  const aside = others.filter(({ name }) => /\.(damaged|quarantined)(\.\d+)?$/.test(name));
  const asideText = aside
    .map(({ name, bytes }) => `${name}, ${bytesText(bytes)}, was set aside: nobody reads it\n`)
    .join('');
  return `${path}\n${columns([['segment', 'size', 'events', 'queued', ''], ...rows])}${asideText}`;
}
