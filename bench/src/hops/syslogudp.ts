import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { median } from 'millrace/dist/bench/stats.js';
import type { Options } from '../options.ts';
import type { Result, Skipped } from '../result.ts';
import { Agent, flume, inTurns, missingFlume, type Name, names, WARM_SECONDS } from './agent.ts';
import { configurationOf, cpuPerMillion, eventsPerSecond, nullSink, roomyMemory } from './flow.ts';
import { type Load, type Run, underLoad } from './load.ts';
import { freePort } from './program.ts';

const title = 'syslogudp → memory → null: whole agents beside Flume';
const DATAGRAM_BYTES = 512;
const PER_SECOND = 50_000;
const RUN_SECONDS = 20;
const QUICK_SECONDS = 4;
const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;

const notes = [
  `One client sends ${PER_SECOND} datagrams a second for ${RUN_SECONDS} s, messages of RFC 5424 with ${DATAGRAM_BYTES} bytes, each millisecond those that are due. Lost by the system:`,
  'what it had no room for in the receive buffer of any socket (RcvbufErrors); the agent asks for one of 4 MiB, which Flume cannot, and the',
  `system grants ${readFileSync('/proc/sys/net/core/rmem_max', 'utf8').trim()} bytes (net.core.rmem_max). Processor time is that of the agent, from /proc, from quiet to quiet; an event is one that was`,
  'received; RSS the median of five samples a second. Java is warmed up for 12 s and has a heap of 2 GiB.',
];

interface UdpRun extends Run {
  readonly sent: number;
  readonly lost: number;
}

/** What `datagrams` prints. */
interface Said {
  readonly datagrams: number;
  readonly seconds: number;
  readonly client_cpu_s: number;
}

export async function run(options: Options): Promise<Result | Skipped> {
  const missing = missingFlume('datagrams');
  if (missing !== undefined) return { title, skipped: missing };

  const { runs, notStored } = await measure(options);
  const rows = names.map((name) => {
    const middle = (figure: (run: UdpRun) => number) => median(runs[name].map(figure));
    return {
      agent: name,
      'sent/s': middle(({ sent, seconds }) => sent / seconds),
      'received/s': middle(eventsPerSecond),
      'lost by the system': middle(({ lost }) => lost),
      'CPU s/M events': middle(cpuPerMillion),
      'client CPU s/M': middle(({ clientCpuSeconds, sent }) => (clientCpuSeconds / sent) * 1e6),
      'RSS MiB': middle(({ rssMiB }) => rssMiB),
    };
  });
  const lost = Math.max(...runs.Millrace.map((one) => one.lost));
  const none = (what: string, value: number) => ({ what, value, at: 'most' as const, limit: 0, unit: ' datagrams' });
  return {
    title,
    notes,
    tables: [rows],
    bars: [
      none('syslogudp: lost by the system, in the worst run', lost),
      none('syslogudp: sent, not lost by the system, and not stored', notStored),
    ],
    runs: names.map((name) => ({ name, runs: runs[name] })),
  };
}

async function measure({ runs, quick }: Options): Promise<{ runs: Record<Name, UdpRun[]>; notStored: number }> {
  const ports: Record<Name, number> = { Millrace: await freePort(), Flume: await freePort() };
  const agents = { Millrace: start('Millrace', ports.Millrace), Flume: start('Flume', ports.Flume) };
  let taken = 0;
  const load = async (name: Name, seconds: number) => {
    const said = await sendDatagrams(ports[name], seconds);
    if (name === 'Millrace') taken += said.events;
    return said;
  };
  try {
    for (const name of names) {
      await agents[name].accepting(ports[name], 'udp');
      await load(name, WARM_SECONDS[name]);
    }
    const measured = await inTurns(names, runs, (name) =>
      underLoad(agents[name], () => load(name, quick ? QUICK_SECONDS : RUN_SECONDS)),
    );
    await agents.Millrace.stop();
    return { runs: measured, notStored: taken - agents.Millrace.events };
  } finally {
    await Promise.all(names.map((name) => agents[name].stop()));
  }
}

function start(name: Name, port: number): Agent {
  const source = { type: 'syslogudp', host: '127.0.0.1', port, receiveBufferBytes: RECEIVE_BUFFER_BYTES };
  return new Agent(name, configurationOf({ source, channel: roomyMemory, sink: nullSink(1_000) }));
}

async function sendDatagrams(port: number, seconds: number): Promise<Load & { sent: number; lost: number }> {
  const before = receiveErrors();
  const args = ['datagrams', '127.0.0.1', port, PER_SECOND, seconds, DATAGRAM_BYTES].map(String);
  const said: Said = JSON.parse((await promisify(execFile)(flume, args)).stdout);
  const lost = receiveErrors() - before;
  const sent = said.datagrams;
  return { sent, lost, events: sent - lost, seconds: said.seconds, clientCpuSeconds: said.client_cpu_s };
}

/** Datagrams that the system has thrown away so far because a receive buffer was full. */
function receiveErrors(): number {
  const [columns, figures] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp: '))
    .map((line) => line.split(' '));
  return Number(figures![columns!.indexOf('RcvbufErrors')]);
}
