import { counter, defineSink, property } from '@millrace/kernel/spec';
import { count, integer, oneOf, text } from '@millrace/kernel/types';
import { serializerProperties } from '../serializers/properties.ts';

export const fileRoll = defineSink({
  type: 'file_roll',
  classNames: ['org.apache.flume.sink.RollingFileSink'],
  summary:
    'Writes events to files of a local directory, and begins a new file at an interval. Events leave the channel when they are on the disk (fdatasync, and fsync of the directory for a new file), not when they are merely written.',
  stability: 'stable',
  // A sync costs the same for one event as for a hundred.
  lingerMs: 5,
  properties: {
    directory: property('sink.directory', text, 'Directory of the files. It must exist.'),
    rollIntervalSeconds: property(
      'sink.rollInterval',
      integer(-1).default(30),
      'A new file is begun after so many seconds, also when there are no events. `0` or `-1`: never.',
    ),
    batchSize: property('sink.batchSize', count.default(100), 'Most events in one transaction, which is one sync.'),
    ...serializerProperties('sink.serializer'),
    pathManager: property(
      'sink.pathManager',
      oneOf({
        default: ['org.apache.flume.formatter.output.DefaultPathManager$Builder'],
        rolltime: ['org.apache.flume.formatter.output.RollTimePathManager$Builder'],
      }).default('default'),
      'How files are named. `default`: the milliseconds at which the sink was started, `-`, and a number from 1. `rolltime`: the local time at which the file was begun, as `yyyyMMddHHmmss`, `-`, and a number from 1 in each second.',
    ),
    prefix: property('sink.pathManager.prefix', text.default(''), 'What every file name begins with.'),
    extension: property(
      'sink.pathManager.extension',
      text.default(''),
      'What every file name ends with, behind a dot.',
    ),
  },
  metrics: {
    opened: counter('file_roll_files_opened_total', 'Files begun.', { flume: 'ConnectionCreatedCount' }),
    closed: counter('file_roll_files_closed_total', 'Files that were complete when they were closed.', {
      flume: 'ConnectionClosedCount',
    }),
    failed: counter(
      'file_roll_files_failed_total',
      'Files that could not be begun, or were given up because a write or a sync failed.',
      { flume: 'ConnectionFailedCount' },
    ),
  },
  batch: 'batchSize',
  uses: ({ directory, prefix, extension }) => [
    { what: 'directory', path: directory, files: `${prefix}*.${extension}`, property: 'sink.directory' },
  ],
  facts: ({ directory }) => ({
    to: directory,
    done: 'when they are on the disk',
    twice: 'After a crash some may be in two files.',
  }),
});
