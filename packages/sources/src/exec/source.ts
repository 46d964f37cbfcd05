import { BatchBuilder } from '@millrace/channel-native';
import { pause, unlessAborted } from '@millrace/kernel/backoff';
import type { Batch, Log, RunningSource, SourceContext } from '@millrace/kernel/component';
import { Charset } from '../shared/charset.ts';
import { Command, type Exit, within } from './command.ts';
import { Lines } from './lines.ts';
import { Output } from './output.ts';
import type { exec } from './spec.ts';

/** How long a command may take to end after it has closed its output. */
const EXIT_MS = 1_000;
/** How long what it has written to standard error is waited for when it has ended. */
const LAST_WORDS_MS = 200;
/** The pause after a command that has failed, and the longest one after several: `restartThrottle` may be 0. */
const FAILED = { firstMs: 100, maxMs: 10_000 };
/** A line of standard error that is longer is several lines of the log. */
const ERROR_LINE_BYTES_MAX = 4 << 10;

type Context = SourceContext<typeof exec>;

export async function open(context: Context): Promise<RunningSource> {
  const charset = await Charset.named(context.config.charset, 'charset');
  const ended = keepRunning(context, charset);
  return { close: () => ended };
}

/** Runs the command, and again if it is to be. */
async function keepRunning(context: Context, charset: Charset): Promise<void> {
  const { config, log, metrics, signal } = context;
  const lines = new Lines(context);
  for (let failures = 0; ; metrics.restarts.add(1)) {
    const { level, words } = await runOnce(context, charset, lines);
    if (signal.aborted) return log.info({}, words);
    if (!config.restart) return log[level]({}, `${words} It is not run again, because restart is false.`);
    failures = level === 'info' ? 0 : failures + 1;
    const leastMs = failures === 0 ? 0 : Math.min(FAILED.firstMs * 2 ** (failures - 1), FAILED.maxMs);
    const pauseMs = Math.max(config.restartThrottleMs, leastMs);
    log[level]({}, `${words} It is run again in ${pauseMs} ms.`);
    await pause(pauseMs, signal);
    if (signal.aborted) return;
  }
}

/** What became of a command: a sentence, and how bad it is. */
interface End {
  readonly level: 'info' | 'warn' | 'error';
  readonly words: string;
}

/** Runs the command to its end or that of the source, and puts all of its lines. */
async function runOnce(context: Context, charset: Charset, lines: Lines): Promise<End> {
  const { config, log, metrics, signal } = context;
  const argv = wordsOf(config);
  let command: Command;
  try {
    command = await Command.start(argv, config.logErrors);
  } catch (error) {
    return { level: 'error', words: whyNot(error as NodeJS.ErrnoException, argv[0]!) };
  }
  metrics.running.add(1);
  const output = readOutput(command.output, { context, charset, lines });
  const errors = command.errors === undefined ? undefined : readErrors(command.errors, { log, charset });

  await unlessAborted(
    signal,
    output.ended.then(() => lines.flush()),
  );
  if (!signal.aborted && !(await within(EXIT_MS, command.exited))) {
    log.warn({}, 'The command has closed its output and goes on: it is ended.');
  }
  if (signal.aborted || command.exit === undefined) await command.end(output.ended);
  if (errors !== undefined) await within(LAST_WORDS_MS, errors.ended);
  errors?.close();
  output.close();
  await output.ended;
  await lines.flush();
  command.forget();
  metrics.running.add(-1);
  return endOf(command.exit);
}

function wordsOf({ command, shell }: Context['config']): string[] {
  // The blanks of Java's \\s.
  const split = (text: string) => text.split(/[ \t\n\v\f\r]+/);
  return shell === undefined ? split(command) : [...split(shell), command];
}

function readOutput(
  fd: number,
  { context, charset, lines }: { readonly context: Context; readonly charset: Charset; readonly lines: Lines },
): Output {
  const { builder, config, log, metrics } = context;
  const { lineBytesMax } = config;
  let cuts = 0;
  const take = (batches: readonly Batch[]) => {
    if (output.cuts > cuts) {
      if (cuts === 0)
        log.warn({}, `A line is longer than ${lineBytesMax} bytes (maxLineBytes): it becomes several events.`);
      metrics.cuts.add(output.cuts - cuts);
      cuts = output.cuts;
    }
    return lines.add(charset.isUtf8 ? batches : batches.map((batch) => encoded(batch, builder, charset)));
  };
  const output = new Output(fd, { charset, builder, lineBytesMax, take });
  lines.onRoom = () => output.resume();
  return output;
}

/** The same lines in the character set in which they were written, as Flume's bodies are. */
function encoded(lines: Batch, builder: BatchBuilder, charset: Charset): Batch {
  for (let at = 0; at < lines.length; at += 1) {
    // Each by itself: where a text begins with a mark, every body does.
    builder.append(charset.conversation().encode(lines.bodyView(at).toString()));
  }
  lines.release();
  return builder.finish();
}

function readErrors(fd: number, { log, charset }: { readonly log: Log; readonly charset: Charset }): Output {
  const take = (batches: readonly Batch[]) => {
    for (const batch of batches) {
      for (let at = 0; at < batch.length; at += 1) log.info({}, `The command says: ${batch.bodyView(at)}`);
      batch.release();
    }
    return true;
  };
  return new Output(fd, { charset, builder: new BatchBuilder(), lineBytesMax: ERROR_LINE_BYTES_MAX, take });
}

function endOf(exit: Exit | undefined): End {
  if (exit === undefined) {
    return {
      level: 'warn',
      words: 'The command cannot be ended; it ends when it writes next, because nobody reads that.',
    };
  }
  const { status, signal } = exit;
  if (signal !== null) return { level: 'warn', words: `The command was ended by ${signal}.` };
  return { level: status === 0 ? 'info' : 'warn', words: `The command has ended with status ${status}.` };
}

function whyNot({ code, message }: NodeJS.ErrnoException, program: string): string {
  if (code === 'ENOENT') return `There is no program "${program}": give its whole path, or one that is on the PATH.`;
  if (code === 'EACCES')
    return `The program "${program}" may not be run: see whether it is a file with the right to be executed.`;
  return `The command cannot be started: ${message}.`;
}
