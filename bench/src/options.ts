import { parseArgs } from 'node:util';

export const cases = ['ring', 'seq', 'netcat'] as const;
export type Case = (typeof cases)[number];

export interface Options {
  readonly only: readonly Case[];
  readonly runs: number;
  readonly json: string | undefined;
}

/** An option that was not understood; the message says which and what is possible. */
export class UsageError extends Error {}

export const help = `Usage: npm run bench -- [options]

Measures Millrace beside what it is compared with, run by run in alternation, and prints medians of the pairs.

Options:
  --only ring,seq,netcat  which benchmarks to run (default: all, about ten minutes)
      ring     events between two worker threads over a memory channel, beside memcpy and postMessage; three minutes
      seq      whole agents, seq → memory → null, beside Apache Flume; four minutes
      netcat   whole agents, netcat → memory → null with lines of 512 bytes, with and without ack, beside Apache Flume:
               throughput, processor time, memory, time to start; four minutes
  --runs N                measured pairs for each line of a table (default: 5)
  --json FILE             write everything measured to a file as well
  --help                  print this

seq and netcat need Java and Maven for Flume (test/peers/flume), netcat a C compiler for its client as well; they are skipped,
with the reason, where these are missing. Nothing else should run on the machine; the load before each benchmark is reported.
The bars printed below a table are what the project has promised itself; missing one does not fail the run.

Examples:
  npm run bench -- --only ring --runs 3
  npm run bench -- --only seq,netcat --json bench/results/today.json
`;

/** What a command line asks for; `undefined` when it asks for help. Throws {@link UsageError}. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const only = values.only?.split(',').map((name) => name.trim()) ?? cases;
  for (const name of only) {
    if (!isCase(name)) throw new UsageError(`There is no benchmark "${name}": choose from ${cases.join(', ')}.`);
  }
  const runs = Number(values.runs ?? 5);
  if (!Number.isInteger(runs) || runs < 1) {
    throw new UsageError(`--runs wants a whole number of at least 1, not "${values.runs}".`);
  }
  return { only: only.filter(isCase), runs, json: values.json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        runs: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function isCase(name: string): name is Case {
  return cases.includes(name as Case);
}
