import { LineClient, type RunningAgent } from '@millrace/testkit';

export const MIB = 2 ** 20;

export interface FlowOptions {
  /** Lines of the source's properties, without `a1.sources.r1.`. */
  readonly source?: string;
  /** Lines of the channel's properties, without `a1.channels.c1.`. */
  readonly channel?: string;
  /** Lines of the sink's properties, without `a1.sinks.k1.`. The type is one of them. */
  readonly sink?: string;
}

/** What the channel and the source may use in {@link flow}. */
export const BYTE_CAPACITY = 16 * MIB;
export const IN_FLIGHT_BYTES_MAX = 8 * MIB;

/** The configuration of an agent `a1`: a source of this type on a free port, memory channel, a sink. */
export function flow(type: string, { source = '', channel = '', sink = 'type = null' }: FlowOptions = {}): string {
  const under = (prefix: string, lines: string) =>
    lines
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => `${prefix}.${line.trim()}`)
      .join('\n');
  return `
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = ${type}
a1.sources.r1.bind = 127.0.0.1
a1.sources.r1.port = 0
a1.sources.r1.maxInFlightBytes = ${IN_FLIGHT_BYTES_MAX}
a1.sources.r1.channels = c1
a1.channels.c1.type = memory
a1.channels.c1.byteCapacity = ${BYTE_CAPACITY}
a1.sinks.k1.channel = c1
${under('a1.sources.r1', source)}
${under('a1.channels.c1', channel)}
${under('a1.sinks.k1', sink)}
`;
}

export const netcatFlow = (options?: FlowOptions) => flow('netcat', options);

/** The most memory that an agent may use while it does something, by the design: what it uses when idle, its bounds, and 32 MiB. */
export function memoryBound(idleBytes: number): number {
  // A channel's chunks are only ever partly full, so there are a quarter more of them.
  return idleBytes + BYTE_CAPACITY * 1.25 + IN_FLIGHT_BYTES_MAX + 32 * MIB;
}

/** Runs something and returns the most memory that the agent used meanwhile. */
export async function peakDuring(agent: RunningAgent, act: () => Promise<void>): Promise<number> {
  let peak = agent.rssBytes();
  const watching = setInterval(() => {
    peak = Math.max(peak, agent.rssBytes());
  }, 10);
  try {
    await act();
  } finally {
    clearInterval(watching);
  }
  return Math.max(peak, agent.rssBytes());
}

/** Connects a client, sends a line and expects `OK`: the agent is there and does its work. */
export async function isWell(agent: RunningAgent): Promise<boolean> {
  const client = await LineClient.connect(agent.port('r1'));
  await client.write('Are you there?\n');
  const [answer] = await client.lines(1);
  await client.close();
  return answer === 'OK' && agent.process.exitCode === null;
}

/** What the log says of components beyond what a run without faults says. */
export function complaints(agent: RunningAgent): string[] {
  return agent.log
    .filter(({ level, component }) => component !== undefined && level !== 'info' && level !== 'debug')
    .map(({ level, component, msg }) => `${level}: ${component}: ${msg}`);
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
