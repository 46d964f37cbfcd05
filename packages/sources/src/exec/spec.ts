import { counter, defineSource, gauge, property } from '@millrace/kernel/spec';
import { count, flag, integer, milliseconds, text } from '@millrace/kernel/types';
import { bytesText } from '@millrace/kernel/words';

/** What only a shell understands. */
const SHELL_SIGNS = /[|<>;`'"]|&&|\$[({]/;
/** What a pipe holds, what is put at a time, and what is read meanwhile, each with what one more read brings. */
const UNDERWAY_BYTES_MAX = (64 + 320 + 320) << 10;

export const exec = defineSource({
  type: 'exec',
  classNames: ['org.apache.flume.source.ExecSource'],
  summary: 'Runs a command and turns every line that it writes into an event.',
  stability: 'stable',
  drive: 'event',
  properties: {
    command: property(
      'command',
      text.min(1, 'must be a command'),
      'What to run: a program and its arguments with blanks between them. Quotes, pipes and the like are for a `shell`.',
    ),
    shell: property(
      'shell',
      text.min(1, 'must be a shell').optional(),
      'A shell to run the command, such as `/bin/sh -c`: words with blanks between them, behind which the command is one more.',
    ),
    restart: property('restart', flag.default(false), 'Run the command again when it has ended.'),
    restartThrottleMs: property(
      'restartThrottle',
      milliseconds.default(10_000),
      'Pause before that, in milliseconds. After a command that has failed it grows to 10,000 where it is shorter.',
    ),
    logErrors: property(
      'logStdErr',
      flag.default(false),
      'Write the lines of its standard error to the log. Otherwise they are dropped.',
    ),
    batchSize: property(
      'batchSize',
      // Flume puts every line by itself then.
      integer().default(20),
      'Lines that are waited for, unless those that are there have 60 KiB, and then put with all others that are there.',
    ),
    batchTimeoutMs: property(
      'batchTimeout',
      milliseconds.default(3_000),
      'How long they are waited for at the most since lines were last put, in milliseconds.',
    ),
    charset: property('charset', text.default('UTF-8'), 'Character set of what the command writes, and of the bodies.'),
    lineBytesMax: property(
      'maxLineBytes',
      count.default(8 << 20),
      'Longest line, in bytes of UTF-8. A longer one becomes several events.',
    ),
  },
  metrics: {
    running: gauge('exec_running', 'Whether the command runs: 1 or 0.'),
    restarts: counter('exec_restarts_total', 'Times the command was run again.'),
    cuts: counter('exec_line_cuts_total', 'Times a line was cut because it is longer than `maxLineBytes`.'),
  },
  batch: 'batchSize',
  advise: ({ command, shell }) =>
    shell === undefined && SHELL_SIGNS.test(command)
      ? [
          '`command` has signs that only a shell understands, and is split at blanks without one: set shell = /bin/sh -c.',
        ]
      : [],
  facts: ({ lineBytesMax }) => ({
    told: 'Nobody is told: a command cannot be.',
    refused: 'what the command writes is not read, and the command waits',
    lost: `lines that it has written and no channel has yet, up to ${bytesText(lineBytesMax + UNDERWAY_BYTES_MAX)}; a command does not write them again`,
  }),
});
