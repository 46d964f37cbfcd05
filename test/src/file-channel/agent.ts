import { type DisposableTempDir, mkdirSync, mkdtempDisposableSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Lines of the properties of components, without `a1.channels.c1.` and the like. */
export interface FlowOptions {
  readonly source?: string;
  readonly channel?: string;
  /** The type is one of them. Default: file_roll into {@link outOf} the directory. */
  readonly sink?: string;
}

/** A directory that is there until its scope is left. */
export function scratchDirectory(): DisposableTempDir {
  return mkdtempDisposableSync(join(tmpdir(), 'millrace-file-channel-'));
}

/** The directory of the files that {@link fileFlow} delivers to; it is made. */
export function outOf(directory: string): string {
  const out = join(directory, 'out');
  mkdirSync(out, { recursive: true });
  return out;
}

/** An agent `a1` with all that it keeps in one directory: netcat on a free port, file channel, file_roll. */
export function fileFlow(directory: string, { source = '', channel = '', sink }: FlowOptions = {}): string {
  return `
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.channels = c1
a1.sinks.k1.channel = c1
${netcat('r1', source)}
${fileChannel('c1', directory, channel)}
${under('a1.sinks.k1', sink ?? fileRoll(directory))}
`;
}

/** The same agent without its sinks, so that everything stays in the channel. */
export function withoutSinks(flow: string): string {
  return flow.replaceAll(/^a1\.sinks.*$/gm, '');
}

/** Properties of a netcat source on a free port. */
export function netcat(name: string, properties = ''): string {
  return under(`a1.sources.${name}`, `type = netcat\n bind = 127.0.0.1\n port = 0\n ${properties}`);
}

/** Properties of a file channel that keeps what it has in this directory, where they do not say otherwise. */
export function fileChannel(name: string, directory: string, properties = ''): string {
  const data = properties.includes('dataDirs') ? '' : `dataDirs = ${join(directory, 'data')}`;
  const checkpoint = `checkpointDir = ${join(directory, 'checkpoint')}`;
  return under(`a1.channels.${name}`, `type = file\n ${data}\n ${checkpoint}\n ${properties}`);
}

/** Properties of a sink that writes to one file, into {@link outOf} a directory. */
export function fileRoll(directory: string, properties = ''): string {
  return `type = file_roll\n sink.directory = ${outOf(directory)}\n sink.rollInterval = 0\n ${properties}`;
}

/** Properties, with what stands in front of each. */
export function under(prefix: string, properties: string): string {
  const lines = properties.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => `${prefix}.${line.trim()}`).join('\n');
}

/** The whole lines that were delivered, in order; what was being written when an agent was killed has no end. */
export function deliveredTo(directory: string): string[] {
  const out = outOf(directory);
  const byStart = (a: string, b: string) => Number.parseInt(a, 10) - Number.parseInt(b, 10);
  const files = readdirSync(out).sort(byStart);
  return files.flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n').slice(0, -1));
}
