import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, flume, freePort, inTurns, missingFlume, type Name, names } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, type Work } from './flow.ts';
import { startUp } from './start-up.ts';

const title = 'netcat → memory → null: whole agents beside Flume';
const LINE_BYTES = 512;
const RUN_SECONDS = 5;
const WARM_SECONDS: Record<Name, number> = { Millrace: 3, Flume: 12 };
const BAR = { times: 5, rss: 0.5 };
const SAMPLE_MS = 200;

const notes = [
  `One client sends lines of ${LINE_BYTES} bytes for ${RUN_SECONDS} s as fast as they are taken and waits for the end of the answers. Processor time is that of the`,
  'agent, from /proc, from quiet to quiet. Loaded RSS is the median of five samples a second. Both agents run the same configuration;',
  'Java is warmed up for 12 s and has a heap of 2 GiB. × compares run by run; above 1 is better for Millrace, for memory and time below 1.',
  'Starting: from the command to the first connection that is accepted, with the example of the guide; idle is two seconds later.',
];

interface Run extends Work {
  readonly rssMiB: number;
  readonly clientCpuSeconds: number;
}

/** What the client prints. */
interface Blast {
  readonly lines: number;
  readonly bytes_back: number;
  readonly seconds: number;
  readonly client_cpu_s: number;
  readonly peer_closed_early: boolean;
}

export async function run({ runs }: Pick<Options, 'runs'>): Promise<Result | Skipped> {
  const missing = missingFlume();
  if (missing !== undefined) return { title, skipped: missing };

  const rows: Row[] = [];
  const bars: Bar[] = [];
  const all: object[] = [];
  for (const acknowledge of [true, false]) {
    const label = acknowledge ? 'with ack' : 'without ack';
    const { measured, peakMiB } = await measure(acknowledge, runs);
    const times = (figure: (run: Run) => number) => ratio(measured.Millrace.map(figure), measured.Flume.map(figure));
    const rss = times(({ rssMiB }) => rssMiB);
    for (const name of names) {
      const middle = (figure: (run: Run) => number) => median(measured[name].map(figure));
      const ours = name === 'Millrace';
      rows.push({
        lines: label,
        agent: name,
        'events/s': middle(eventsPerSecond),
        '× /s': ours ? times(eventsPerSecond) : 1,
        'CPU s/M events': middle(cpuPerMillion),
        '× per CPU s': ours ? times(eventsPerCpuSecond) : 1,
        'client CPU s/M': middle(({ clientCpuSeconds, events }) => (clientCpuSeconds / events) * 1e6),
        'RSS MiB': middle(({ rssMiB }) => rssMiB),
        '× RSS': ours ? rss : 1,
        'RSS peak MiB': peakMiB[name],
      });
      all.push({ acknowledge, name, peakMiB: peakMiB[name], runs: measured[name] });
    }
    const what = `netcat, ${label}:`;
    bars.push(
      {
        what: `${what} events per CPU-second beside Flume`,
        value: times(eventsPerCpuSecond),
        at: 'least',
        limit: BAR.times,
        unit: '×',
      },
      { what: `${what} loaded RSS beside Flume`, value: rss, at: 'most', limit: BAR.rss, unit: '×' },
    );
    process.stderr.write(`netcat: ${label} done\n`);
  }
  const starts = await startUp(runs);
  return {
    title,
    notes,
    tables: [rows, starts.rows],
    bars: [...bars, ...starts.bars],
    runs: [...all, ...starts.runs],
  };
}

async function measure(acknowledge: boolean, runs: number) {
  const ports = { Millrace: await freePort(), Flume: await freePort() };
  const agents = {
    Millrace: start('Millrace', ports.Millrace, acknowledge),
    Flume: start('Flume', ports.Flume, acknowledge),
  };
  try {
    for (const name of names) {
      await agents[name].accepting(ports[name]);
      await blast(ports[name], WARM_SECONDS[name], acknowledge);
    }
    const measured = await inTurns(runs, (name) => measureRun(agents[name], ports[name], acknowledge));
    const peakMiB = { Millrace: agents.Millrace.rssMiB('VmHWM'), Flume: agents.Flume.rssMiB('VmHWM') };
    return { measured, peakMiB };
  } finally {
    await Promise.all(names.map((name) => agents[name].stop()));
  }
}

function start(name: Name, port: number, acknowledge: boolean): Agent {
  const source = {
    type: 'netcat',
    bind: '127.0.0.1',
    port,
    'max-line-length': 4_096,
    'ack-every-event': String(acknowledge),
  };
  return new Agent(
    name,
    configurationOf({
      source,
      capacity: 1_000_000,
      transactionCapacity: 10_000,
      sinkBatch: 1_000,
      logEvery: 10_000_000,
    }),
  );
}

async function measureRun(agent: Agent, port: number, acknowledge: boolean): Promise<Run> {
  await agent.quiet();
  const before = agent.cpuSeconds();
  const samples: number[] = [];
  const sampling = setInterval(() => samples.push(agent.rssMiB()), SAMPLE_MS);
  const { lines, seconds, client_cpu_s } = await blast(port, RUN_SECONDS, acknowledge);
  clearInterval(sampling);
  await agent.quiet();
  return {
    events: lines,
    seconds,
    cpuSeconds: agent.cpuSeconds() - before,
    rssMiB: median(samples),
    clientCpuSeconds: client_cpu_s,
  };
}

/** Sends lines, and makes sure by the answers that all of them became events. */
async function blast(port: number, seconds: number, acknowledge: boolean): Promise<Blast> {
  const args = ['blast', '127.0.0.1', String(port), String(seconds), String(LINE_BYTES), 'netcat'];
  const { stdout } = await promisify(execFile)(flume, args);
  const result: Blast = JSON.parse(stdout);
  const wanted = acknowledge ? result.lines * 'OK\n'.length : 0;
  if (result.peer_closed_early || result.bytes_back !== wanted) {
    throw new Error(`The agent did not take every line: ${stdout}`);
  }
  return result;
}
