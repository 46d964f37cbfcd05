import { defineChannel, gauge, property, type Resource } from '../../spec.ts';
import { count, flag, integer, long, paths, text } from '../../types.ts';
import { count as counted } from '../../words.ts';

const directoryUsed = (path: string | undefined, property: string): readonly Resource[] =>
  path === undefined ? [] : [{ what: 'directory', path, property }];

const SEGMENT_BYTES = 64 << 20;

export const file = defineChannel({
  type: 'file',
  classNames: ['org.apache.flume.channel.file.FileChannel'],
  summary:
    'Keeps events on the disk: what a source was told is accepted survives `kill -9`, a loss of power and a full disk. Taken events that were not delivered come back after a crash; those delivered within the last 100 ms may come again.',
  stability: 'stable',
  properties: {
    checkpointDirectory: property(
      'checkpointDir',
      text.optional(),
      'Directory of the checkpoints, which make opening quick; made when missing. Unset: `~/.flume/file-channel/AGENT/CHANNEL/checkpoint`. It may be deleted while the agent is stopped.',
    ),
    useDualCheckpoints: property(
      'useDualCheckpoints',
      flag.default(false),
      'Whether each checkpoint is also written to `backupCheckpointDir`.',
    ),
    backupDirectory: property(
      'backupCheckpointDir',
      text.optional(),
      'Directory of the copies, required with `useDualCheckpoints`; another one than `checkpointDir`.',
    ),
    dataDirectories: property(
      'dataDirs',
      paths.optional(),
      'Directories of the log, with commas between them, best on disks of their own; made when missing. Unset: `~/.flume/file-channel/AGENT/CHANNEL/data`.',
    ),
    capacity: property(
      'capacity',
      count.default(1_000_000),
      'Most events in the channel. Events that a sink has taken and not yet committed count. It may be changed at any start.',
    ),
    transactionCapacity: property(
      'transactionCapacity',
      count.default(10_000),
      'Most events in one transaction of a source or a sink.',
    ),
    checkpointIntervalMs: property(
      'checkpointInterval',
      integer(1_000).default(30_000),
      'A checkpoint is written at the latest so many milliseconds after something changed; besides at every change of segment and every 64 MiB.',
    ),
    segmentBytes: property(
      'maxFileSize',
      long(1n).default(SEGMENT_BYTES),
      `Most bytes of a file of the log; between 64 KiB and 64 MiB (${SEGMENT_BYTES}), whatever is set.`,
    ),
    keepFreeBytes: property(
      'minimumRequiredSpace',
      long(0n).default(524_288_000),
      'Bytes that must stay free on the disk, at least 1 MiB: the log does not grow further then, and puts are refused until space or events are gone. Takes go on.',
    ),
    keepAliveSeconds: property(
      'keep-alive',
      integer(0).default(3),
      'How long a source waits for room before it is told that the channel is full, in seconds.',
    ),
    checkpointOnClose: property(
      'checkpointOnClose',
      flag.default(true),
      'Whether an ordered stop writes a checkpoint.',
    ),
    syncPerTransaction: property(
      'fsyncPerTransaction',
      flag.default(true),
      '`true`: a put is answered when the disk has it. `false`: it is answered when the operating system has it, and a loss of power may take what the last `fsyncInterval` brought.',
    ),
    syncIntervalSeconds: property(
      'fsyncInterval',
      count.default(5),
      'Seconds between syncs without `fsyncPerTransaction`.',
    ),
    takeSync: property(
      'takeSync',
      flag.default(false),
      'Whether a sink’s commit waits until the disk has noted it, as Flume’s does. `false`: it is noted within 100 ms, and a crash before that delivers those events again.',
    ),
    bufferBytes: property(
      'bufferSize',
      long(1n << 20n).optional(),
      'Most bytes of memory for events on their way to the disk and back; a transaction may have half of it. Unset: 256 MiB, at most a quarter of the memory of the host or its control group. It is only used where events are.',
    ),
  },
  withoutMeaning: {
    compressBackupCheckpoint: 'a checkpoint has a few kilobytes.',
    'use-log-replay-v1': 'there is one way of reading the log.',
    'use-fast-replay': 'opening reads at most some 128 MiB, however many events wait.',
    'encryption.': 'the log is not encrypted yet; use an encrypted file system.',
  },
  metrics: {
    unhealthy: gauge('channel_unhealthy', '1 while no directory takes puts, else 0.', { flume: 'Unhealthy' }),
  },
  flumeEntry: [
    'Open',
    'Closed',
    'EventPutErrorCount',
    'EventTakeErrorCount',
    'CheckpointWriteErrorCount',
    'CheckpointBackupWriteErrorCount',
  ],
  batch: 'transactionCapacity',
  check({ capacity, transactionCapacity, useDualCheckpoints, backupDirectory, checkpointDirectory }) {
    const rules: string[] = [];
    if (transactionCapacity > capacity) {
      rules.push(
        `transactionCapacity (${transactionCapacity}) is larger than capacity (${capacity}): raise capacity, or lower transactionCapacity`,
      );
    }
    if (useDualCheckpoints && backupDirectory === undefined) {
      rules.push('useDualCheckpoints needs a second directory: set backupCheckpointDir');
    }
    if (useDualCheckpoints && backupDirectory !== undefined && backupDirectory === checkpointDirectory) {
      rules.push('backupCheckpointDir is the same as checkpointDir: name another directory, best on another disk');
    }
    return rules;
  },
  uses: ({ dataDirectories = [], checkpointDirectory, backupDirectory }) => [
    ...dataDirectories.map((path) => ({ what: 'directory', path, property: 'dataDirs' }) as const),
    ...directoryUsed(checkpointDirectory, 'checkpointDir'),
    ...directoryUsed(backupDirectory, 'backupCheckpointDir'),
  ],
  facts({ capacity, syncPerTransaction, syncIntervalSeconds, takeSync }, name) {
    const kept = syncPerTransaction
      ? `What ${name} has accepted survives the end of the agent and a loss of power.`
      : `What ${name} has accepted survives the end of the agent. A loss of power may take what came in the last ${syncIntervalSeconds} s, because fsyncPerTransaction is false.`;
    const again = 'After a crash, what was delivered in the last 100 ms is delivered again.';
    return {
      durable: true,
      where: 'on the disk',
      room: counted(capacity, 'event'),
      worst: takeSync ? kept : `${kept} ${again}`,
    };
  },
});
