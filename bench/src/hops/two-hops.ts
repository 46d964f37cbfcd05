import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import {
  configurationOf,
  cpuPerMillion,
  eventsPerCpuSecond,
  eventsPerSecond,
  nullSink,
  roomyMemory,
  type Work,
} from './flow.ts';
import { freePort } from './program.ts';

const title = 'seq → memory → avro sink | avro → memory → null: two agents beside two of Flume';
const BATCH = 1_000;
/** How often the last sink says its count: about once a second. */
const logEvery: Record<Name, number> = { Millrace: 8_000_000, Flume: 500_000 };
const SETTLE_MS = 500;
const WINDOW_MS = 4_000;
const TIMES_FLUME = 2;

const notes = [
  `Batches of ${BATCH} small events, as fast as they are taken. Both pairs run the same configurations; the sender of the pair that is not measured is`,
  `stopped (SIGSTOP). A run is the time between two lines in which the null sink says its count, at least ${WINDOW_MS / 1_000} s apart; processor time is that of`,
  'each process between them, from /proc. Java is warmed up for 12 s and has heaps of 2 GiB. × compares run by run; above 1 is better for Millrace.',
];

const roles = ['sender', 'receiver'] as const;
type Role = (typeof roles)[number];
type Pair = Record<Role, Agent>;
/** What each did; the events of both are those that arrived. */
type Run = Record<Role, Work & { readonly rssMiB: number }>;

export async function run({ runs }: Options): Promise<Result | Skipped> {
  const missing = missingFlume();
  if (missing !== undefined) return { title, skipped: missing };

  const measured = await measure(runs);
  const rows: Row[] = [];
  const bars: Bar[] = [];
  for (const role of roles) {
    const figures = (name: Name, figure: (work: Run[Role]) => number) => measured[name].map((one) => figure(one[role]));
    for (const name of names) {
      const times = (figure: (work: Work) => number) => ratio(figures(name, figure), figures('Flume', figure));
      rows.push({
        agent: `${name}, ${role}`,
        'events/s': median(figures(name, eventsPerSecond)),
        '× /s': times(eventsPerSecond),
        'CPU s/M events': median(figures(name, cpuPerMillion)),
        '× per CPU s': times(eventsPerCpuSecond),
        'RSS MiB': median(figures(name, ({ rssMiB }) => rssMiB)),
      });
    }
    const value = ratio(figures('Millrace', eventsPerCpuSecond), figures('Flume', eventsPerCpuSecond));
    const what = `two hops, ${role}: events per CPU-second beside Flume`;
    bars.push({ what, value, at: 'least', limit: TIMES_FLUME, unit: '×' });
  }
  return { title, notes, tables: [rows], bars, runs: names.map((name) => ({ name, runs: measured[name] })) };
}

async function measure(runs: number): Promise<Record<Name, Run[]>> {
  const started: Agent[] = [];
  const start = async (name: Name): Promise<Pair> => {
    const port = await freePort();
    const receiver = new Agent(name, receiving(name, port));
    started.push(receiver);
    await receiver.accepting(port);
    const sender = new Agent(name, sending(port));
    started.push(sender);
    await receiver.nextCount(WARM_SECONDS[name] * 1_000);
    sender.pause();
    return { sender, receiver };
  };
  try {
    // Flume first: a sender that waits longer than its request may take believes the connection dead.
    const Flume = await start('Flume');
    const pairs = { Flume, Millrace: await start('Millrace') };
    return await inTurns(names, runs, (name) => measureRun(pairs[name]));
  } finally {
    await Promise.all(started.map((agent) => agent.stop()));
  }
}

async function measureRun({ sender, receiver }: Pair): Promise<Run> {
  const countAfter = async (ms: number) => {
    const { events, atMs, cpuSeconds } = await receiver.nextCount(ms);
    return { events, atMs, sender: sender.cpuSeconds(), receiver: cpuSeconds };
  };
  sender.resume();
  const from = await countAfter(SETTLE_MS);
  const to = await countAfter(WINDOW_MS);
  const rssMiB = { sender: sender.rssMiB(), receiver: receiver.rssMiB() };
  sender.pause();
  const did = (role: Role) => ({
    events: to.events - from.events,
    seconds: (to.atMs - from.atMs) / 1_000,
    cpuSeconds: to[role] - from[role],
    rssMiB: rssMiB[role],
  });
  return { sender: did('sender'), receiver: did('receiver') };
}

function sending(port: number): string {
  return configurationOf({
    source: { type: 'seq', batchSize: BATCH },
    channel: { ...roomyMemory, capacity: 100_000 },
    sink: { type: 'avro', hostname: '127.0.0.1', port, 'batch-size': BATCH },
  });
}

function receiving(name: Name, port: number): string {
  return configurationOf({
    source: { type: 'avro', bind: '127.0.0.1', port },
    channel: roomyMemory,
    sink: nullSink(BATCH, logEvery[name]),
  });
}
