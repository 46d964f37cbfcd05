import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, nullSink, roomyMemory } from './flow.ts';
import { type Run, underLoad } from './load.ts';
import { freePort } from './program.ts';
import { type Protocol, RpcClients } from './rpc-client.ts';

const title = 'avro → memory → avro | avro → memory → null, and the same over thrift: two agents beside two of Flume';
const protocols: readonly Protocol[] = ['avro', 'thrift'];
const CLIENTS = 4;
const BODY_BYTES = 512;
const BATCH = 1_000;
const RUN_SECONDS = 4;
/** So few that Flume's sender does not fill its heap with what its sink has not sent. */
const CAPACITY = 100_000;
const TIMES_FLUME = 2;

const notes = [
  `${CLIENTS} of Flume's own clients send events of ${BODY_BYTES} bytes in batches of ${BATCH}, each one batch after the other, to the sender, whose sink sends as large ones`,
  'to the receiver. Processor time is that of each agent, from /proc, from quiet to quiet. Both pairs run the same configurations; Java is warmed',
  'up for 12 s and has heaps of 2 GiB. × compares run by run; above 1 is better for Millrace.',
];

const roles = ['sender', 'receiver'] as const;
type Role = (typeof roles)[number];
type Pair = Record<Role, Agent> & { readonly port: number };
type Runs = Record<Name, Record<Role, Run>[]>;

export async function run({ runs }: Options): Promise<Result | Skipped> {
  const missing = missingFlume('rpc-bench');
  if (missing !== undefined) return { title, skipped: missing };

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const protocol of protocols) {
    const measured = await measure(protocol, runs);
    for (const role of roles) {
      rows.push(...names.map((name) => rowOf(protocol, role, name, measured)));
      bars.push({
        what: `two hops over ${protocol}, ${role}: events per CPU-second beside Flume`,
        value: times(measured, 'Millrace', role, eventsPerCpuSecond),
        at: 'least',
        limit: TIMES_FLUME,
        unit: '×',
      });
    }
    all.push({ protocol, ...measured });
    process.stderr.write(`two-hops: ${protocol} done\n`);
  }
  return { title, notes, tables: [rows], bars, runs: all };
}

const figures = (measured: Runs, name: Name, role: Role, figure: (run: Run) => number) =>
  measured[name].map((one) => figure(one[role]));

const times = (measured: Runs, name: Name, role: Role, figure: (run: Run) => number) =>
  ratio(figures(measured, name, role, figure), figures(measured, 'Flume', role, figure));

function rowOf(protocol: Protocol, role: Role, name: Name, measured: Runs): Row {
  const middle = (figure: (run: Run) => number) => median(figures(measured, name, role, figure));
  return {
    over: protocol,
    agent: `${name}, ${role}`,
    'events/s': middle(eventsPerSecond),
    '× /s': times(measured, name, role, eventsPerSecond),
    'CPU s/M events': middle(cpuPerMillion),
    '× per CPU s': times(measured, name, role, eventsPerCpuSecond),
    'RSS MiB': middle(({ rssMiB }) => rssMiB),
  };
}

async function measure(protocol: Protocol, runs: number): Promise<Runs> {
  const started: Agent[] = [];
  const clients = new RpcClients(protocol, { clients: CLIENTS, bodyBytes: BODY_BYTES });
  const start = async (name: Name): Promise<Pair> => {
    const [port, next] = [await freePort(), await freePort()];
    const receiver = new Agent(
      name,
      configurationOf({ source: source(protocol, next), channel, sink: nullSink(BATCH) }),
    );
    started.push(receiver);
    await receiver.accepting(next);
    const sink = { type: protocol, hostname: '127.0.0.1', port: next, 'batch-size': BATCH };
    const sender = new Agent(name, configurationOf({ source: source(protocol, port), channel, sink }));
    started.push(sender);
    await sender.accepting(port);
    await clients.send(port, BATCH, WARM_SECONDS[name]);
    return { sender, receiver, port };
  };
  try {
    const pairs = { Millrace: await start('Millrace'), Flume: await start('Flume') };
    return await inTurns(names, runs, (name) => measureRun(pairs[name], clients));
  } finally {
    clients.stop();
    await Promise.all(started.map((agent) => agent.stop()));
  }
}

const channel = { ...roomyMemory, capacity: CAPACITY };

// Without a number of threads Flume's thrift source makes one for each request, and keeps it.
const source = (type: Protocol, port: number) => ({ type, bind: '127.0.0.1', port, threads: CLIENTS });

async function measureRun({ sender, receiver, port }: Pair, clients: RpcClients): Promise<Record<Role, Run>> {
  await receiver.quiet();
  const before = receiver.cpuSeconds();
  const sent = await underLoad(sender, () => clients.send(port, BATCH, RUN_SECONDS));
  await receiver.quiet();
  return {
    sender: sent,
    receiver: { ...sent, cpuSeconds: receiver.cpuSeconds() - before, rssMiB: receiver.rssMiB() },
  };
}
