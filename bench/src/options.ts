import { parseArgs } from 'node:util';

export const cases = [
  'ring',
  'seq',
  'netcat',
  'exec',
  'avro',
  'thrift',
  'avro-file',
  'two-hops',
  'syslogtcp',
  'syslogudp',
  'metrics',
  'channels',
  'reopen',
] as const;
export type Case = (typeof cases)[number];

export interface Options {
  readonly only: readonly Case[];
  readonly runs: number;
  readonly json: string | undefined;
  /** Batch sizes that are measured of `avro`, `thrift` and `avro-file`: all when not said. */
  readonly batch: readonly number[] | undefined;
  /** Of `channels`: which types (all when not said), where its files go, whether it is short, whether Flume's channels are measured too, and where the picture goes. */
  readonly type: readonly string[] | undefined;
  readonly dir: string;
  readonly quick: boolean;
  readonly flume: boolean;
  readonly svg: string | undefined;
}

/** An option that was not understood; the message says which and what is possible. */
export class UsageError extends Error {}

export const help = `Usage: npm run bench -- [benchmark…] [options]

Measures Millrace beside what it is compared with, run by run in alternation, and prints medians of the pairs.

Benchmarks (default: all, about half an hour):
  ring      events between two worker threads over a memory channel, beside memcpy and postMessage; three minutes
  seq       whole agents, seq → memory → null, beside Apache Flume; four minutes
  netcat    whole agents, netcat → memory → null with lines of 512 bytes, with and without ack, beside Apache Flume:
            throughput, processor time, memory, time to start; four minutes
  exec      whole agents, exec → memory → null with a file of lines of 512 bytes and cat, beside Apache Flume; three minutes
  avro      whole agents, avro → memory → null with four of Flume's clients at batch 1, 100 and 1000, beside Apache Flume and
            the least that Node can do with the same bytes; four minutes
  thrift    the same with thrift
  avro-file whole agents, avro → file → null at batch 100 and 1000, beside Apache Flume; three minutes
  two-hops  two agents, avro → memory → avro sink and avro → memory → null, beside two of Flume; the same over thrift; two minutes
  syslogtcp whole agents, syslogtcp → memory → null with lines of 512 bytes, beside Apache Flume; the same with
            multiport_syslogtcp; three minutes
  syslogudp the same with syslogudp: 50,000 datagrams a second, and how many of them are lost; five minutes
  metrics   a whole agent, seq → memory → null, whose metrics are asked for every second, beside itself left alone; two minutes
  channels  what "millrace bench channels" measures: every type of channel beside memcpy and the disk; three minutes
  reopen    how long a file channel takes to open after kill -9, empty and with 1 and 10 million events in it; two minutes

Options:
  --runs N     measured pairs for each line of a table (default: 5)
  --json FILE  write everything measured to a file as well
  --help       print this
 of avro, thrift and avro-file:
  --batch N    measure only this batch size (repeatable)
 of channels (--dir also of reopen and avro-file; --quick also of avro, thrift, avro-file and syslogudp):
  --flume      measure the channels of Flume too, pair by pair; two minutes more
  --type TYPE  measure only channels of this type (repeatable): memory, file or jdbc
  --dir DIR    a directory on the disk that is measured (default: the current one)
  --quick      measure once and shortly
  --svg FILE   draw it into a file as well

What runs beside Flume needs Java and Maven (test/peers/flume), and where the client is not its own a JDK or a C compiler; it is
skipped, with the reason, where these are missing. Nothing else should run on the machine; the load before each benchmark is
reported. The bars printed below a table are what the project has promised itself; missing one does not fail the run.

Examples:
  npm run bench -- ring --runs 3
  npm run bench -- channels --flume --svg bench/results/channels.svg
  npm run bench -- seq netcat --json bench/results/today.json
`;

/** What a command line asks for; `undefined` when it asks for help. Throws {@link UsageError}. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  for (const name of positionals) {
    if (!isCase(name)) throw new UsageError(`There is no benchmark "${name}": choose from ${cases.join(', ')}.`);
  }
  const { runs = '5', json, svg, batch, type, dir = '.', quick = false, flume = false } = values;
  return {
    only: positionals.length > 0 ? positionals.filter(isCase) : cases,
    runs: wholeNumber('--runs', runs),
    json,
    svg,
    batch: batch?.map((size) => wholeNumber('--batch', size)),
    type,
    dir,
    quick,
    flume,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        runs: { type: 'string' },
        json: { type: 'string' },
        batch: { type: 'string', multiple: true },
        type: { type: 'string', multiple: true },
        dir: { type: 'string' },
        quick: { type: 'boolean' },
        flume: { type: 'boolean' },
        svg: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new UsageError(`${option} wants a whole number of at least 1, not "${text}".`);
}

function isCase(name: string): name is Case {
  return cases.includes(name as Case);
}
