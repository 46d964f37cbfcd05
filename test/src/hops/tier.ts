import { fileChannel, fileRoll, netcat, under } from '../file-channel/agent.ts';

export type Protocol = 'avro' | 'thrift';

const tier = (directory: string, source: string, sink: string) => `
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.channels = c1
a1.sinks.k1.channel = c1
${source}
${fileChannel('c1', directory)}
${under('a1.sinks.k1', sink)}
`;

/** An agent that takes lines and hands them on to a port, with a file channel between. */
export function firstTier(directory: string, type: Protocol, port: number, sink = ''): string {
  return tier(directory, netcat('r1'), sendingTo(port, type, 'c1', sink));
}

/** An agent that takes what other agents hand on at a port, and appends it to a file, with a file channel between. */
export function lastTier(directory: string, type: Protocol, port: number): string {
  const source = under('a1.sources.r1', listening(type, 'c1', '', port));
  return tier(directory, source, fileRoll(directory));
}

/** An agent `a1` of many parts: the properties of each, without what stands in front of them. */
export function agentOf(
  parts: Readonly<Record<'sources' | 'channels' | 'sinks', Readonly<Record<string, string>>>>,
): string {
  return Object.entries(parts)
    .flatMap(([kind, components]) => [
      `a1.${kind} = ${Object.keys(components).join(' ')}`,
      ...Object.entries(components).map(([name, properties]) => under(`a1.${kind}.${name}`, properties)),
    ])
    .join('\n');
}

/** Properties of a source that listens on a free port, or on this one. */
export const listening = (type: string, channel: string, properties = '', port = 0) =>
  `type = ${type}\n bind = 127.0.0.1\n port = ${port}\n channels = ${channel}\n ${properties}`;

/** Properties of a sink that sends to this port. */
export const sendingTo = (port: number, type: string, channel: string, properties = '') =>
  `type = ${type}\n hostname = 127.0.0.1\n port = ${port}\n channel = ${channel}\n ${properties}`;
