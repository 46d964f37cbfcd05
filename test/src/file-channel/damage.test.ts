import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, runAgent } from '@millrace/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints } from '../faults/agent.ts';
import { deliveredTo, fileFlow, netcat, scratchDirectory, under, withoutSinks } from './agent.ts';
import { Feeder } from './feeder.ts';

const LINES = 1_500;
/** Both copies of a header, and what stands in front of the records. */
const HEADERS = 8_192;

/** What an agent left in its channel when it stopped; every test gets a copy. */
const original = scratchDirectory();
afterAll(() => original.remove());
const lines: string[] = [];

const flow = (directory: string) => fileFlow(directory, { channel: 'maxFileSize = 65536\n bufferSize = 1048576' });

beforeAll(async () => {
  await using agent = await runAgent(withoutSinks(flow(original.path)));
  const feeder = await Feeder.connect(agent.port('r1'));
  await feeder.feed(
    () => (feeder.sent.length < LINES ? `line ${lines.push('')} ${Math.random()} ${'x'.repeat(200)}` : undefined),
    10,
  );
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  lines.splice(0, Infinity, ...feeder.accepted);
  expect(lines).toHaveLength(LINES);
});

/** The files of a channel that nobody has open. */
class Files implements Disposable {
  readonly #scratch = scratchDirectory();
  readonly path = this.#scratch.path;
  readonly data = join(this.path, 'data');

  constructor() {
    cpSync(original.path, this.path, { recursive: true });
  }

  segments(): string[] {
    const names = readdirSync(this.data).filter((name) => name.endsWith('.segment'));
    return names.sort().map((name) => join(this.data, name));
  }

  segment(at: number): string {
    return this.segments()[at]!;
  }

  checkpoint(): string {
    const directory = join(this.path, 'checkpoint');
    return join(directory, readdirSync(directory).find((name) => name.endsWith('.checkpoint'))!);
  }

  /** The bytes of all files of the log, by their names. */
  contents(): Map<string, Buffer> {
    return new Map(this.segments().map((path) => [path, readFileSync(path)]));
  }

  removeCheckpoints(): void {
    rmSync(join(this.path, 'checkpoint'), { recursive: true });
  }

  [Symbol.dispose](): void {
    this.#scratch.remove();
  }
}

function change(path: string, act: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  act(bytes);
  writeFileSync(path, bytes);
}

interface Damage {
  readonly name: string;
  readonly damage: (files: Files) => void;
  /** What the log says, besides how many events are lost. */
  readonly said?: RegExp;
  readonly loses?: true;
}

const damages: readonly Damage[] = [
  { name: 'nothing', damage: () => {} },
  {
    name: 'a segment that was truncated',
    damage: (files) => truncateSync(files.segment(3), 30_000),
    said: /0004\.segment.* byte 28672/,
    loses: true,
  },
  {
    name: 'a segment without header',
    damage: (files) => truncateSync(files.segment(3), 100),
    said: /0004\.segment: has only 100 bytes: it was cut/,
    loses: true,
  },
  {
    name: 'a flipped bit in an event',
    damage: (files) =>
      change(files.segment(3), (bytes) => {
        bytes[bytes.indexOf('line ', 20_000)]! ^= 1;
      }),
    said: /0004\.segment.* byte \d+/,
    loses: true,
  },
  {
    name: 'one garbled header',
    damage: (files) => change(files.segment(3), (bytes) => bytes.fill(0xff, 0, HEADERS / 2)),
  },
  {
    name: 'two garbled headers',
    damage: (files) => change(files.segment(3), (bytes) => bytes.fill(0xff, 0, HEADERS)),
    said: /0004\.segment, byte 0: both copies of the header are damaged; what stands behind them is read/,
  },
  {
    name: 'a segment of zeros',
    damage: (files) => change(files.segment(3), (bytes) => bytes.fill(0)),
    said: /0005\.segment: the events before this segment are not there/,
    loses: true,
  },
  {
    name: 'a segment that is gone',
    damage: (files) => rmSync(files.segment(3)),
    said: /0005\.segment: the events before this segment are not there/,
    loses: true,
  },
  {
    name: 'garbled checkpoints',
    damage: (files) => change(files.checkpoint(), (bytes) => bytes.fill(0xff)),
    said: /\.checkpoint: is damaged: what only it knew to be delivered is delivered again/,
  },
];
const withCheckpoint = damages.map((it) => ({ ...it, checkpoint: 'with a checkpoint', prepare: () => {} }));
const without = damages.slice(0, -1).map((it) => ({
  ...it,
  checkpoint: 'without checkpoints',
  prepare: (files: Files) => files.removeCheckpoints(),
}));

test.concurrent.for([...withCheckpoint, ...without])(
  '$name, $checkpoint: the log says where and how much is lost, and everything else is delivered in order',
  async ({ damage, prepare, said, loses }, { expect }) => {
    using files = new Files();
    damage(files);
    prepare(files);
    await using agent = await runAgent(flow(files.path));
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    const delivered = deliveredTo(files.path);
    const missing = lines.filter((line) => !delivered.includes(line));
    expect(delivered).toEqual(lines.filter((line) => !missing.includes(line)));
    const reports = complaints(agent);
    if (said === undefined) expect(reports).toEqual([]);
    else expect(reports[0]).toMatch(said);
    expect(missing.length > 0).toBe(loses ?? false);
    const lost = reports.map((report) =>
      Number(/(\d+) events? (?:is|are|cannot be read back and are) lost/.exec(report)?.[1] ?? 0),
    );
    expect(lost.reduce((sum, it) => sum + it, 0)).toBe(missing.length);
    expect(reports.length).toBeLessThan(3);
  },
);

/** What a test does to the files so that they must not be opened, and what the log says then. */
const refusals = [
  {
    name: 'a later version',
    spoil: (files: Files) => change(files.segment(3), (bytes) => setVersion(bytes, 2)),
    said: /0004\.segment: was written with version 2 of the format, which this version of Millrace does not know: run the one that wrote it/,
  },
  {
    name: 'Flume',
    spoil: (files: Files) => writeFileSync(join(files.data, 'log-1'), ''),
    said: /log-1: belongs to a file channel of Flume: drain it with Flume, and give this channel a directory of its own in dataDirs/,
  },
  {
    name: 'nobody knows whom',
    spoil: (files: Files) => {
      for (const path of files.segments()) change(path, (bytes) => bytes.fill(0xff, 0, HEADERS));
    },
    said: /\.segment: has no header that can be read, nor has any other segment here/,
  },
];

test.concurrent.for(refusals)(
  'files of $name are refused by name and left alone; other flows run meanwhile, and the channel opens when that is put right',
  async ({ spoil, said }, { expect }) => {
    using files = new Files();
    using intact = new Files();
    spoil(files);
    const spoilt = files.contents();
    const neighbour = `${netcat('r2', 'channels = c2')}\n${under('a1.channels.c2', 'type = memory')}\n`;
    const both = flow(files.path).replace('= r1', '= r1 r2').replace('= c1', '= c1 c2') + neighbour;
    await using agent = await runAgent(both, { waitFor: ['r2'] });
    const feeder = await Feeder.connect(agent.port('r2'));
    expect(await feeder.ask('still here')).toBe('OK');
    const errors = agent.log.filter(({ level, component }) => level === 'error' && component === 'a1.channels.c1');
    expect(errors.map(({ error }) => (error as Error).message)).toEqual([expect.stringMatching(said)]);
    expect(files.contents()).toEqual(spoilt);

    rmSync(files.data, { recursive: true });
    cpSync(intact.data, files.data, { recursive: true });
    await eventually(() => deliveredTo(files.path).length, expect).toBe(LINES);
    expect(deliveredTo(files.path)).toEqual(lines);
    await agent.stop();
  },
);

/** Writes another version into both headers of a segment, as if a later version of the program had. */
function setVersion(bytes: Buffer, version: number): void {
  for (const header of [bytes.subarray(0, HEADERS / 2), bytes.subarray(HEADERS / 2, HEADERS)]) {
    const checksum = header.readUInt32LE(12);
    header.writeUInt32LE(0, 12);
    expect(crc32c(header)).toBe(checksum);
    header.writeUInt32LE(version, 8);
    header.writeUInt32LE(crc32c(header), 12);
  }
}

function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
