type Properties = Readonly<Record<string, string | number>>;

/** An agent `a1` that brings events from a source over a channel to a sink. */
export interface Flow {
  readonly source: Properties;
  readonly channel: Properties;
  readonly sink: Properties;
}

/** The configuration file of a flow; both agents read the same. */
export function configurationOf({ source, channel, sink }: Flow): string {
  const lines = (prefix: string, properties: Properties) =>
    Object.entries(properties).map(([name, value]) => `a1.${prefix}.${name} = ${value}`);
  return [
    'a1.sources = r1',
    'a1.channels = c1',
    'a1.sinks = k1',
    ...lines('sources.r1', { ...source, channels: 'c1' }),
    ...lines('channels.c1', channel),
    ...lines('sinks.k1', { ...sink, channel: 'c1' }),
    '',
  ].join('\n');
}

/** A memory channel that load does not fill. */
export const roomyMemory = { type: 'memory', capacity: 1_000_000, transactionCapacity: 10_000 };

/** A null sink that says how much it has dropped each time that it is `logEvery` more: seldom, if nobody asks. */
export function nullSink(batchSize: number, logEvery = 100_000_000) {
  return { type: 'null', batchSize, logEveryNEvents: logEvery };
}

/** What an agent did between two moments. */
export interface Work {
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export const eventsPerSecond = ({ events, seconds }: Work) => events / seconds;
export const eventsPerCpuSecond = ({ events, cpuSeconds }: Work) => events / cpuSeconds;
export const cpuPerMillion = ({ events, cpuSeconds }: Work) => (cpuSeconds / events) * 1e6;
