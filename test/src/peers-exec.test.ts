import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsIn, type FileEvent } from './peers/avro-file.ts';
import { type Both, both } from './peers/both.ts';
import { type Kind, missingFlume, Peer } from './peers/peer.ts';

/** The real Flume and Millrace run the same commands, and must make the same events of what these write, but where it is said. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

const START_MS = 60_000;

interface Case {
  /** What is in the file that stands for `FILE`. */
  readonly file?: Uint8Array | string;
  /** Properties of the source. Default: the command `cat FILE`. */
  readonly source?: Readonly<Record<string, string | number>>;
  /** How many events there are at least. */
  readonly events: number;
  /** Where they differ on purpose: their bodies, byte by byte as characters. */
  readonly bodies?: Both<readonly string[]>;
}

const shell = '/bin/sh -c';
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

const cases: Readonly<Record<string, Case>> = {
  'lines that end in every way, and a last one without end': { file: 'a\nb\r\nc\r\rd\n\n\r\n \ne', events: 9 },
  'a return at the end': { file: 'a\r', events: 1 },
  'bytes that are not UTF-8': {
    file: Buffer.concat([
      bytes('61 ff 62 0a c3 0a e2 82 0a f0 9f 98 0a c0 80 0a 80 80 0a'),
      Buffer.from('grüße 🚀\0\n'),
    ]),
    events: 7,
  },
  'a mark at the beginning of UTF-8': { file: '\ufeffa\n', events: 1 },
  'a line of 100,000 bytes': { file: `${'ü'.repeat(50_000)}\n`, events: 1 },
  'five thousand lines': { file: Array.from({ length: 5_000 }, (_, at) => `line ${at}\n`).join(''), events: 5_000 },
  'no line': { file: '', source: { shell, command: 'cat FILE; echo end' }, events: 1 },
  'ISO-8859-1': { file: bytes('67 72 fc df 65 0a 80 9f 0a'), source: { charset: 'ISO-8859-1' }, events: 2 },
  'windows-1252': { file: bytes('80 93 fc 0a 61 81 62 0a'), source: { charset: 'windows-1252' }, events: 2 },
  'US-ASCII': { file: bytes('61 fc 62 0a'), source: { charset: 'US-ASCII' }, events: 1 },
  'half a pair of UTF-16 in UTF-8, of which every byte is replaced': {
    file: bytes('ed a0 80 0a'),
    events: 1,
    bodies: { Flume: ['\xef\xbf\xbd'], Millrace: ['\xef\xbf\xbd'.repeat(3)] },
  },
  GBK: { file: bytes('c4 e3 ba c3 0a'), source: { charset: 'GBK' }, events: 1 },
  Shift_JIS: { file: bytes('93 fa 96 7b 0a 83 5c 0a'), source: { charset: 'Shift_JIS' }, events: 2 },
  'UTF-16 with a mark': {
    file: Buffer.from('\ufeffa\nĊ\r\nb', 'utf16le'),
    source: { charset: 'UTF-16' },
    events: 3,
  },
  'UTF-16 without a mark': { file: bytes('0061 000a 010a 000d 000a 0062'), source: { charset: 'UTF-16' }, events: 3 },
  'UTF-16LE': { file: Buffer.from('a\nĊ\r\nb', 'utf16le'), source: { charset: 'UTF-16LE' }, events: 3 },
  'a command without a shell': { source: { command: `echo  "a  b"   'c' | $HOME * \\\\n` }, events: 1 },
  'a command in a shell': { source: { shell, command: `echo "a  b" 'c' | tr a-z A-Z; echo $((1 + 2))` }, events: 2 },
  'a shell with options': { source: { shell: '/bin/sh   -e  -c', command: 'echo one; false; echo two' }, events: 1 },
  'output opened by name': {
    source: { shell, command: 'echo one > /dev/stdout; echo two | tee /dev/stderr' },
    events: 2,
  },
  'standard error beside it': {
    source: { shell, command: 'echo a warning >&2; sleep 1; echo out', logStdErr: 'true' },
    events: 1,
  },
  'a command that fails': { source: { shell, command: 'echo one; exit 3' }, events: 1 },
  'fewer lines than batchSize, and a command that goes on': {
    source: { shell, command: 'seq 3; sleep 30', batchSize: 100, batchTimeout: 500 },
    events: 3,
  },
  restart: {
    source: { shell, command: 'echo run >> FILE; wc -l < FILE', restart: 'true', restartThrottle: 200 },
    file: '',
    events: 3,
  },
  stress: { source: { type: 'org.apache.flume.source.StressSource', maxTotalEvents: 5 }, events: 5 },
  'stress in batches': {
    source: { type: 'org.apache.flume.source.StressSource', maxTotalEvents: 25, batchSize: 7, size: 33 },
    events: 25,
  },
  'stress that ends by what was accepted': {
    source: { type: 'org.apache.flume.source.StressSource', maxSuccessfulEvents: 25, batchSize: 7, size: 0 },
    events: 28,
  },
};
const named = Object.entries(cases).map(([name, one], at) => ({ name, at, ...one }));

/** One agent with a source, a channel and a file for each case. */
function configurationOf(directory: string): string {
  const numbers = named.map(({ at }) => at);
  const list = (letter: string) => numbers.map((at) => letter + at).join(' ');
  const lines = named.flatMap(({ at, file, source }) => {
    const [input, out] = [join(directory, `in${at}`), join(directory, `out${at}`)];
    if (file !== undefined) writeFileSync(input, file);
    mkdirSync(out, { recursive: true });
    const properties = { type: 'exec', command: 'cat FILE', channels: `c${at}`, ...source };
    const queue = { type: 'memory', capacity: 10_000, 'keep-alive': 60 };
    const sink = {
      type: 'file_roll',
      'sink.directory': out,
      'sink.rollInterval': 0,
      'sink.serializer': 'avro_event',
      'sink.batchSize': 1,
      channel: `c${at}`,
    };
    const all = { [`sources.r${at}`]: properties, [`channels.c${at}`]: queue, [`sinks.k${at}`]: sink };
    return Object.entries(all).flatMap(([component, settings]) =>
      Object.entries(settings).map(
        ([key, value]) => `a1.${component}.${key} = ${String(value).replaceAll('FILE', input)}`,
      ),
    );
  });
  return [`a1.sources = ${list('r')}`, `a1.channels = ${list('c')}`, `a1.sinks = ${list('k')}`, ...lines, ''].join(
    '\n',
  );
}

describe.skipIf(missing !== undefined)('exec and stress → memory → file_roll', () => {
  const scratch = mkdtempDisposableSync(join(tmpdir(), 'millrace-peers-exec-'));
  let peers: Both<Peer>;

  beforeAll(async () => {
    peers = await both((kind) => {
      mkdirSync(join(scratch.path, kind));
      return new Peer(kind, configurationOf(join(scratch.path, kind)));
    });
  });

  afterAll(async () => {
    await both((kind) => peers[kind].stop('SIGKILL'));
    scratch.remove();
  });

  async function eventsOf(kind: Kind, at: number, least: number): Promise<readonly FileEvent[]> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      const events = await eventsIn(join(scratch.path, kind, `out${at}`));
      if (events.length >= least) return events;
      if (performance.now() > deadline) {
        throw new Error(
          [`${kind} has made ${events.length} events of ${least}.`, ...peers[kind].output().slice(-30)].join('\n'),
        );
      }
      await sleep(50);
    }
  }

  test.for(named)('$name', { timeout: 3 * START_MS }, async ({ name, at, events, bodies }) => {
    const made = await both(async (kind) => {
      await eventsOf(kind, at, events);
      await sleep(300); // for what should not come
      const all = await eventsOf(kind, at, events);
      return (name === 'restart' ? all.slice(0, events) : all).map(({ headers, body }) => ({
        headers: { ...headers },
        body: Buffer.from(body).toString('latin1'),
      }));
    });
    expect(made.Flume.length).toBe(events);
    if (bodies === undefined) expect(made.Millrace).toEqual(made.Flume);
    else expect(await both((kind) => made[kind].map(({ body }) => body))).toEqual(bodies);
  });

  test('both say in the log what the command writes to standard error', async () => {
    const said = await both(
      (kind) => peers[kind].output().filter((line) => /(= '|says: )a warning['"]/.test(line)).length,
    );
    expect(said).toEqual({ Flume: 1, Millrace: 1 });
  });
});
