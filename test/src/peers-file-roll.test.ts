import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAvroFile } from './peers/avro-file.ts';
import { kinds } from './peers/both.ts';
import { converse, type Kind, missingFlume, Peer } from './peers/peer.ts';

/** The real Flume and Millrace get the same events, and must write the same files. */

const scratch = mkdtempSync(join(tmpdir(), 'millrace-file-roll-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function newDirectory(name: string): string {
  const directory = join(scratch, name);
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** The names in a directory, in the order in which they were made. */
function filesOf(directory: string): string[] {
  const place = (name: string) => name.replace(/\d+(?=(\.|$))/, (number) => number.padStart(5, '0'));
  return readdirSync(directory).sort((a, b) => place(a).localeCompare(place(b)));
}

/** What all files of a directory hold together. */
const textOf = (directory: string) =>
  filesOf(directory)
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

const input = [
  'Hello world!\n',
  'again, as telnet ends it\r\n',
  '\n',
  'grüße aus 日本 🚀\n',
  '\0\u0001\t\u007f\n',
  'last\n',
];

const serializers = 'org.apache.flume.serialization';
/** Settings of sinks that all get the same events. */
const sinks: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  text: { serializer: 'TEXT' },
  bare: { serializer: `${serializers}.BodyTextEventSerializer$Builder`, 'serializer.appendNewline': 'false' },
  headers: { serializer: 'header_and_text' },
  bareHeaders: {
    serializer: `${serializers}.HeaderAndBodyTextEventSerializer$Builder`,
    'serializer.appendNewline': 'false',
  },
  null: { serializer: 'avro_event' },
  deflate: { serializer: 'AVRO_EVENT', 'serializer.compressionCodec': 'deflate' },
  zstandard: {
    serializer: 'avro_event',
    'serializer.compressionCodec': 'zstandard',
    'serializer.syncIntervalBytes': '32',
  },
  rolled: { rollInterval: '2' },
  rolledByTime: {
    rollInterval: '2',
    pathManager: 'rollTime',
    'pathManager.prefix': 'web-',
    'pathManager.extension': 'log',
  },
};

/** One netcat source, and for each sink a channel. */
function flow(port: number, kind: Kind): string {
  const names = Object.keys(sinks);
  const channels = names.map((name) => `c-${name}`).join(' ');
  const each = Object.entries(sinks).map(([name, settings]) => {
    const all = { rollInterval: '0', directory: newDirectory(join(kind, name)), ...settings };
    const lines = Object.entries(all).map(([key, value]) => `a1.sinks.${name}.sink.${key} = ${value}\n`);
    return `a1.sinks.${name}.type = file_roll
a1.sinks.${name}.channel = c-${name}
a1.channels.c-${name}.type = memory
${lines.join('')}`;
  });
  return `a1.sources = r1
a1.channels = ${channels}
a1.sinks = ${names.join(' ')}
a1.sources.r1.type = netcat
a1.sources.r1.bind = 127.0.0.1
a1.sources.r1.port = ${port}
a1.sources.r1.channels = ${channels}
${each.join('')}`;
}

const readAvro = (directory: string) => readAvroFile(join(directory, filesOf(directory)[0]!));

/** Whether all events have arrived in a sink's files, and been rolled where they are. */
async function isComplete(kind: Kind, sink: string): Promise<boolean> {
  const directory = join(scratch, kind, sink);
  const { rollInterval, serializer = 'text' } = sinks[sink]!;
  const files = filesOf(directory).length;
  if (files < (rollInterval === undefined ? 1 : 3)) return false;
  if (/avro/i.test(serializer)) return (await readAvro(directory)).events.length === input.length;
  return textOf(directory).includes('last');
}

/** Sends an agent the input and stops it when everything is written. */
async function run(kind: Kind): Promise<void> {
  const port = await freePort();
  const peer = new Peer(kind, flow(port, kind));
  try {
    await peer.listening(port);
    await converse(port, [input.join('')]);
    for (const sink of Object.keys(sinks)) {
      // Flume pauses for up to five seconds before it looks for events again.
      const deadline = performance.now() + 20_000;
      while (!(await isComplete(kind, sink))) {
        if (performance.now() > deadline) throw new Error(`${kind} has not written everything to ${sink}.`);
        await sleep(50);
      }
    }
  } finally {
    await peer.stop();
  }
}

describe.skipIf(missing !== undefined)('netcat → memory → file_roll, by Flume and by Millrace', () => {
  beforeAll(() => Promise.all(kinds.map(run)), 60_000);

  const Flume = (name: string) => join(scratch, 'Flume', name);
  const Millrace = (name: string) => join(scratch, 'Millrace', name);

  test.for(['text', 'bare', 'headers', 'bareHeaders'])('%s: the same bytes in one file', (name) => {
    expect(filesOf(Flume(name))).toHaveLength(1);
    expect(filesOf(Millrace(name))).toHaveLength(1);
    expect(textOf(Flume(name))).toContain('grüße aus 日本 🚀');
    expect(textOf(Millrace(name))).toBe(textOf(Flume(name)));
  });

  test.for(['null', 'deflate', 'zstandard'])(
    'avro_event, compressed by %s: the same records of the same schema',
    async (codec) => {
      const [flume, millrace] = [await readAvro(Flume(codec)), await readAvro(Millrace(codec))];
      expect(flume).toMatchObject({ codec, events: { length: input.length } });
      expect(millrace).toEqual(flume);
    },
  );

  test.for(['rolled', 'rolledByTime'])('%s: files of such names, also empty ones', (name) => {
    const [flume, millrace] = [Flume(name), Millrace(name)].map((directory) => ({
      names: filesOf(directory)
        .slice(0, 3)
        .map((file) => file.replace(/\d{13,}/, (digits) => `${digits.length} digits`)),
      empty: filesOf(directory).some((file) => readFileSync(join(directory, file)).length === 0),
      text: textOf(directory),
    }));
    expect(flume).toMatchObject({ empty: true, text: input.join('') });
    expect(millrace).toEqual(flume);
  });
});
