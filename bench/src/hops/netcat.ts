import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Options } from '../options.ts';
import type { Bar, Result, Skipped } from '../result.ts';
import { Agent, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerCpuSecond, eventsPerSecond, nullSink, roomyMemory } from './flow.ts';
import { blast, type Load, type Run, underLoad } from './load.ts';
import { freePort } from './program.ts';
import { startUp } from './start-up.ts';

const title = 'netcat → memory → null: whole agents beside Flume';
const LINE_BYTES = 512;
const RUN_SECONDS = 5;
const BAR = { times: 5, rss: 0.5 };

const notes = [
  `One client sends lines of ${LINE_BYTES} bytes for ${RUN_SECONDS} s as fast as they are taken and waits for the end of the answers. Processor time is that of the`,
  'agent, from /proc, from quiet to quiet. Loaded RSS is the median of five samples a second. Both agents run the same configuration;',
  'Java is warmed up for 12 s and has a heap of 2 GiB. × compares run by run; above 1 is better for Millrace, for memory and time below 1.',
  'Starting: from the command to the first connection that is accepted, with the example of the guide; idle is two seconds later.',
];

export async function run({ runs }: Pick<Options, 'runs'>): Promise<Result | Skipped> {
  const missing = missingFlume('blast');
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
      await sendLines(ports[name], WARM_SECONDS[name], acknowledge);
    }
    const measured = await inTurns(names, runs, (name) =>
      underLoad(agents[name], () => sendLines(ports[name], RUN_SECONDS, acknowledge)),
    );
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
  return new Agent(name, configurationOf({ source, channel: roomyMemory, sink: nullSink(1_000) }));
}

/** Sends lines, and makes sure by the answers that all of them became events. */
async function sendLines(port: number, seconds: number, acknowledge: boolean): Promise<Load> {
  const sent = await blast('netcat', port, { seconds }, LINE_BYTES);
  const wanted = acknowledge ? sent.events * 'OK\n'.length : 0;
  if (sent.bytesBack !== wanted) throw new Error(`The agent did not take every line: ${JSON.stringify(sent)}`);
  return sent;
}
