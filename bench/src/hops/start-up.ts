import { setTimeout as sleep } from 'node:timers/promises';
import { median, ratio } from 'millrace/dist/bench/stats.js';
import type { Row } from 'millrace/dist/bench/table.js';
import type { Bar } from '../result.ts';
import { Agent, inTurns, type Name, names } from './agent.ts';
import { freePort } from './program.ts';

const IDLE_MS = 2_000;
const BAR = { start: 0.4, idleMiB: 110 };

interface Start {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly idleMiB: number;
}

/** How long it takes from the command to the first connection that is accepted, and what the agent holds when nothing happens. */
export async function startUp(runs: number) {
  const starts = await inTurns(names, runs, start);
  const figures = (name: Name, figure: keyof Start) => starts[name].map((one) => one[figure]);
  const middle = (name: Name, figure: keyof Start) => median(figures(name, figure));
  const beside = ratio(figures('Millrace', 'seconds'), figures('Flume', 'seconds'));
  const rows = names.map(
    (name): Row => ({
      starting: name,
      's to accepting': middle(name, 'seconds'),
      '×': name === 'Millrace' ? beside : 1,
      'CPU s to accepting': middle(name, 'cpuSeconds'),
      'RSS idle MiB': middle(name, 'idleMiB'),
    }),
  );
  const bars: Bar[] = [
    { what: 'start-up to accepting beside Flume', value: beside, at: 'most', limit: BAR.start, unit: '×' },
    { what: 'RSS idle', value: middle('Millrace', 'idleMiB'), at: 'most', limit: BAR.idleMiB, unit: ' MiB' },
  ];
  return { rows, bars, runs: names.map((name) => ({ what: 'start-up', name, runs: starts[name] })) };
}

async function start(name: Name): Promise<Start> {
  const port = await freePort();
  const agent = new Agent(name, guideExample(port));
  try {
    const seconds = await agent.accepting(port);
    const cpuSeconds = agent.cpuSeconds();
    await sleep(IDLE_MS);
    return { seconds, cpuSeconds, idleMiB: agent.rssMiB() };
  } finally {
    await agent.stop();
  }
}

/** The first example of Flume's guide. */
function guideExample(port: number): string {
  return `
a1.sources = r1
a1.sinks = k1
a1.channels = c1
a1.sources.r1.type = netcat
a1.sources.r1.bind = localhost
a1.sources.r1.port = ${port}
a1.sinks.k1.type = logger
a1.channels.c1.type = memory
a1.channels.c1.capacity = 1000
a1.channels.c1.transactionCapacity = 100
a1.sources.r1.channels = c1
a1.sinks.k1.channel = c1
`;
}
