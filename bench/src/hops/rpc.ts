import { fileURLToPath } from 'node:url';
import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, type Flow, nullSink } from './flow.ts';
import { blast, type Load, type Run, underLoad } from './load.ts';
import { freePort, Program } from './program.ts';
import { type Protocol, RpcClients, type RpcLoad } from './rpc-client.ts';

/** A hop that is measured at some batch sizes. */
export interface RpcCase {
  readonly title: string;
  /** How its lines of the report begin. */
  readonly name: string;
  readonly protocol: Protocol;
  channel(name: Name): Flow['channel'];
  readonly batches: readonly RpcBatch[];
}

/** A batch size, and the bars at it. */
export interface RpcBatch {
  readonly batch: number;
  /** How many times more events per CPU-second than Flume. */
  readonly timesFlume?: number;
  /** How much more of a processor than a program that does the least that Node can do. */
  readonly limit?: { readonly name: Limit; readonly times: number };
}

/** The least that Node can do with the same bytes: answer each request, or throw everything away. */
type Limit = 'framed echo' | 'bare reader';

const CLIENTS = 4;
const BODY_BYTES = 512;
/** What an event without headers takes on the wire. The rest of a request is less than one byte for each in large batches. */
const WIRE_BYTES: Record<Protocol, number> = { avro: BODY_BYTES + 3, thrift: BODY_BYTES + 6 };
const RUN_SECONDS = 4;
const QUICK_SECONDS = 2;
const LIMIT_WARM_SECONDS = 4;

const notes = [
  `${CLIENTS} of Flume's own clients send events of ${BODY_BYTES} bytes, each one batch after the other. Processor time is that of the agent, from /proc, from`,
  'quiet to quiet; RSS the median of five samples a second; p50 and p99 how long a client waits for the answer to a batch. Both agents run the',
  'same configuration; Java is warmed up for 12 s and has a heap of 2 GiB. × compares with Flume, run by run; above 1 is better.',
  'Framed echo: a server in Node for the same clients that finds where requests end, and answers OK. Bare reader: a server in Node that throws',
  'away what it reads; it gets as many bytes for an event, over one connection, as fast as it takes them.',
];

/** A program that is measured, and what it is loaded with. */
interface Contender {
  readonly program: Program;
  readonly warmSeconds: number;
  load(seconds: number): Promise<Load & Partial<RpcLoad>>;
}

/** Measures a hop beside Flume and beside its limits. */
export async function runRpc(hop: RpcCase, options: Options): Promise<Result | Skipped> {
  const { title, name, protocol } = hop;
  const missing = missingFlume('rpc-bench', 'blast');
  if (missing !== undefined) return { title, skipped: missing };

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  const clients = new RpcClients(protocol, { clients: CLIENTS, bodyBytes: BODY_BYTES });
  try {
    for (const batch of hop.batches) {
      if (options.batch !== undefined && !options.batch.includes(batch.batch)) continue;
      const measured = await measure(hop, batch, clients, options);
      rows.push(...Object.keys(measured).map((of) => rowOf(batch, of, measured)));
      bars.push(...barsOf(name, batch, measured));
      all.push({ batch: batch.batch, ...measured });
      process.stderr.write(`${name}: batch ${batch.batch} done\n`);
    }
  } finally {
    clients.stop();
  }
  return { title, notes, tables: [rows], bars, runs: all };
}

type Measured = Record<string, (Run & Partial<RpcLoad>)[]>;

async function measure(hop: RpcCase, batch: RpcBatch, clients: RpcClients, options: Options): Promise<Measured> {
  const contenders: Record<string, Contender> = {};
  try {
    for (const name of names) contenders[name] = await startAgent(hop, name, batch, clients);
    if (batch.limit) contenders[batch.limit.name] = await startLimit(hop, batch.limit.name, clients);
    for (const { load, warmSeconds } of Object.values(contenders)) await load(warmSeconds);

    const seconds = options.quick ? QUICK_SECONDS : RUN_SECONDS;
    return await inTurns(Object.keys(contenders), options.runs, (name) => {
      const { program, load } = contenders[name]!;
      return underLoad(program, () => load(seconds));
    });
  } finally {
    await Promise.all(Object.values(contenders).map(({ program }) => program.stop()));
  }
}

async function startAgent(hop: RpcCase, name: Name, { batch }: RpcBatch, clients: RpcClients): Promise<Contender> {
  const port = await freePort();
  // Without a number of threads Flume's thrift source makes one for each request, and keeps it.
  const source = { type: hop.protocol, bind: '127.0.0.1', port, threads: CLIENTS };
  const program = new Agent(name, configurationOf({ source, channel: hop.channel(name), sink: nullSink(1_000) }));
  await program.accepting(port);
  return { program, warmSeconds: WARM_SECONDS[name], load: (seconds) => clients.send(port, batch, seconds) };
}

async function startLimit({ protocol }: RpcCase, name: Limit, clients: RpcClients): Promise<Contender> {
  const port = await freePort();
  const file = (limit: string) => fileURLToPath(new URL(`../limits/${limit}.js`, import.meta.url));
  const [args, load]: [string[], Contender['load']] =
    name === 'framed echo'
      ? [[file('echo'), protocol], (seconds) => clients.send(port, 1, seconds)]
      : [[file('reader')], (seconds) => blast('netcat', port, { seconds }, WIRE_BYTES[protocol])];
  const program = new Program(name).start(process.execPath, [...args, String(port)]);
  await program.accepting(port);
  return { program, warmSeconds: LIMIT_WARM_SECONDS, load };
}

function rowOf({ batch }: RpcBatch, name: string, measured: Measured): Row {
  const runs = measured[name]!;
  const middle = (figure: (run: Measured[string][number]) => number) => median(runs.map(figure));
  const times = (figure: (run: Run) => number) => ratio(runs.map(figure), measured['Flume']!.map(figure));
  return {
    batch,
    agent: name,
    'events/s': middle(eventsPerSecond),
    '× /s': times(eventsPerSecond),
    'CPU s/M events': middle(cpuPerMillion),
    '× per CPU s': times(eventsPerCpuSecond),
    'p50 ms': middle(({ batchMsP50 = Number.NaN }) => batchMsP50),
    'p99 ms': middle(({ batchMsP99 = Number.NaN }) => batchMsP99),
    'client CPU s/M': middle(({ clientCpuSeconds, events }) => (clientCpuSeconds / events) * 1e6),
    'RSS MiB': middle(({ rssMiB }) => rssMiB),
  };
}

function barsOf(hop: string, { batch, timesFlume, limit }: RpcBatch, measured: Measured): Bar[] {
  const ours = measured['Millrace']!;
  const bars: Bar[] = [];
  if (timesFlume !== undefined) {
    const value = ratio(ours.map(eventsPerCpuSecond), measured['Flume']!.map(eventsPerCpuSecond));
    const what = `${hop}, batch ${batch}: events per CPU-second beside Flume`;
    bars.push({ what, value, at: 'least', limit: timesFlume, unit: '×' });
  }
  if (limit !== undefined) {
    const value = ratio(ours.map(cpuPerMillion), measured[limit.name]!.map(cpuPerMillion));
    const what = `${hop}, batch ${batch}: CPU for an event beside a ${limit.name}`;
    bars.push({ what, value, at: 'most', limit: limit.times, unit: '×' });
  }
  return bars;
}
