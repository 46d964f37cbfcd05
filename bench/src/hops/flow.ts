/** An agent `a1` that brings events from a source over a memory channel to the null sink. */
export interface Flow {
  /** Properties of the source `r1`. */
  readonly source: Readonly<Record<string, string | number>>;
  readonly capacity: number;
  readonly transactionCapacity: number;
  readonly sinkBatch: number;
  /** How often the sink says how much it has dropped. */
  readonly logEvery: number;
}

/** The configuration file of a flow; both agents read the same. */
export function configurationOf({ source, capacity, transactionCapacity, sinkBatch, logEvery }: Flow): string {
  return [
    'a1.sources = r1',
    'a1.channels = c1',
    'a1.sinks = k1',
    ...Object.entries(source).map(([name, value]) => `a1.sources.r1.${name} = ${value}`),
    'a1.sources.r1.channels = c1',
    'a1.channels.c1.type = memory',
    `a1.channels.c1.capacity = ${capacity}`,
    `a1.channels.c1.transactionCapacity = ${transactionCapacity}`,
    'a1.sinks.k1.type = null',
    `a1.sinks.k1.batchSize = ${sinkBatch}`,
    `a1.sinks.k1.logEveryNEvents = ${logEvery}`,
    'a1.sinks.k1.channel = c1',
    '',
  ].join('\n');
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
