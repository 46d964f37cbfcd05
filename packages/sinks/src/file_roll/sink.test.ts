import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { memory } from '@millrace/kernel/channels/memory/spec';
import { planTexts } from '@millrace/kernel/config/load';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { createRegistry } from '@millrace/kernel/config/registry';
import { eventually, openSink, ScratchChannel, type Settings, type SinkPeer, sinkContract } from '@millrace/testkit';
import avro from 'avsc';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileRoll } from './spec.ts';

const registration: Registration = { spec: fileRoll, module: new URL('./sink.js', import.meta.url) };

const newDirectory = () => mkdtempSync(join(tmpdir(), 'millrace-file-roll-'));

/** A directory that is there until the test is over. */
function scratchDirectory(): string {
  const directory = newDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The names in a directory, in the order in which they were made. */
function filesOf(directory: string): string[] {
  const number = (name: string) => Number(/-(\d+)(\.|$)/.exec(name)?.[1]);
  const series = (name: string) => name.replace(/-\d+(?=\.|$)/, '');
  return readdirSync(directory).sort((a, b) => series(a).localeCompare(series(b)) || number(a) - number(b));
}

const textsOf = (directory: string) => filesOf(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
const linesOf = (directory: string) => textsOf(directory).join('').split('\n').slice(0, -1);

sinkContract(registration, {
  async peer(): Promise<SinkPeer> {
    const directory = newDirectory();
    return {
      settings: { 'sink.directory': directory },
      async received() {
        const lines = linesOf(directory);
        for (const name of readdirSync(directory)) rmSync(join(directory, name));
        return lines;
      },
      fail: async () => renameSync(directory, `${directory}-away`),
      mend: async () => renameSync(`${directory}-away`, directory),
      [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true }),
    };
  },
});

/** A sink that writes to a directory of its own. */
async function openFiles(settings: Settings = {}, directory = scratchDirectory()) {
  const channel = new ScratchChannel();
  onTestFinished(() => channel[Symbol.dispose]());
  const sink = await openSink(
    registration,
    { 'sink.directory': directory, 'sink.rollInterval': 0, ...settings },
    channel,
  );
  onTestFinished(() => sink.stop());
  return {
    directory,
    channel,
    sink,
    /** Puts events and waits until they have left the channel. */
    async deliver(...bodies: string[]) {
      const { committed } = channel.counters();
      await channel.put(...bodies);
      await eventually(() => channel.counters().committed).toBe(committed + bodies.length);
    },
    /** The descriptor of the file that is open. */
    descriptor() {
      const open = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(`${directory}/`));
      expect(open).toHaveLength(1);
      return Number(open[0]);
    },
    errors: () => sink.log.lines.filter(({ level }) => level === 'error').map(({ fields }) => String(fields['error'])),
  };
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** Lets a descriptor lead to another file, as if the disk below it had changed. */
function redirect(fd: number, path: string): void {
  closeSync(fd);
  // The system gives out the lowest number that is free; those below are filled for as long as it takes.
  const fillers: number[] = [];
  let opened = openSync(path, 'r+');
  for (; opened !== fd; opened = openSync(path, 'r+')) fillers.push(opened);
  for (const filler of fillers) closeSync(filler);
}

describe('files', () => {
  test('are named by the milliseconds of the start and a number, without prefix and extension', async () => {
    const before = Date.now();
    const { directory, sink } = await openFiles();
    const [, startMs] = /^(\d{13})-1$/.exec(filesOf(directory)[0]!)!;
    expect(Number(startMs)).toBeGreaterThanOrEqual(before);
    expect(Number(startMs)).toBeLessThanOrEqual(Date.now());
    await sink.stop();
  });

  test('have the prefix as it is, and the extension behind a dot', async () => {
    const { directory } = await openFiles({ 'sink.pathManager.prefix': 'web-', 'sink.pathManager.extension': 'log' });
    expect(filesOf(directory)).toEqual([expect.stringMatching(/^web-\d{13}-1\.log$/)]);
  });

  test('are named by the local time when the path manager is rolltime', async () => {
    const { directory } = await openFiles({ 'sink.pathManager': 'RollTime', 'sink.pathManager.extension': 'txt' });
    const [name] = filesOf(directory);
    expect(name).toMatch(/^\d{14}-1\.txt$/);
    const [year, month, day, hour, minute, second] = name!.match(/^\d{4}|\d\d/g)!.map(Number);
    const at = new Date(year!, month! - 1, day, hour, minute, second);
    expect(Math.abs(Date.now() - at.getTime())).toBeLessThan(5_000);
  });

  test('are there before the first event, and follow each other at the interval, also empty ones', async () => {
    const { directory, deliver, sink } = await openFiles({ 'sink.rollInterval': 2 });
    expect(textsOf(directory)).toEqual(['']);
    await deliver('a', 'b');
    await eventually(() => filesOf(directory).length).toBe(3);
    await deliver('c');
    await sink.stop();
    expect(textsOf(directory)).toEqual(['a\nb\n', '', 'c\n']);
    const [series] = filesOf(directory)[0]!.split('-');
    expect(filesOf(directory)).toEqual([1, 2, 3].map((number) => `${series}-${number}`));
    expect(sink.figures()).toMatchObject({ opened: 3, closed: 3, failed: 0 });
  });

  test('are rolled between deliveries, so that each event is in one of them once', async () => {
    const { directory, channel, sink } = await openFiles({ 'sink.rollInterval': 1, 'sink.batchSize': 10 });
    let put = 0;
    for (const end = performance.now() + 2_500; performance.now() < end; await sleep(1)) {
      // Always something to deliver, so that a file's time is over while a batch is on its way.
      if (channel.counters().queued < 1_000) await channel.put(...Array.from({ length: 500 }, () => String(put++)));
    }
    await sink.stop();
    expect(linesOf(directory)).toEqual(Array.from({ length: put }, (_, number) => String(number)));
    expect(sink.figures()).toMatchObject({ failed: 0, returned: 0 });
    expect(sink.figures()['opened']).toBeGreaterThan(2);
  });

  test('of Avro have a head each, and hold what was in the channel', async () => {
    const { directory, deliver, descriptor } = await openFiles({ 'sink.serializer': 'avro_event' });
    await deliver('a', 'b');
    redirect(descriptor(), '/dev/full');
    await deliver('c');
    const bodies = filesOf(directory).map(async (name) => {
      const events = await avro.createFileDecoder(join(directory, name)).toArray();
      return events.map(({ body }) => String(body));
    });
    expect(await Promise.all(bodies)).toEqual([['a', 'b'], ['c']]);
  });

  test('count from 1 in each second when the path manager is rolltime', async () => {
    const { directory } = await openFiles({ 'sink.rollInterval': 1, 'sink.pathManager': 'ROLLTIME' });
    await eventually(() => filesOf(directory).length).toBe(3);
    // A second that has two of them is possible, one that begins above 1 is not.
    const seconds = Map.groupBy(filesOf(directory), (name) => name.split('-')[0]);
    for (const [second, names] of seconds) expect(names).toContain(`${second}-1`);
    expect(seconds.size).toBeGreaterThan(1);
  });

  test.for([0, -1])('are one with a rollInterval of %i', async (rollInterval) => {
    const { directory, deliver } = await openFiles({ 'sink.rollInterval': rollInterval });
    await deliver('a');
    await sleep(1_200);
    await deliver('b');
    expect(textsOf(directory)).toEqual(['a\nb\n']);
  });

  test('are not rolled early by an interval that is longer than a timer can wait', async () => {
    const { directory, deliver } = await openFiles({ 'sink.rollInterval': 3_000_000 });
    await deliver('a');
    await sleep(100);
    await deliver('b');
    expect(textsOf(directory)).toEqual(['a\nb\n']);
  });

  test('of others are never overwritten', async () => {
    const names = { 'sink.pathManager': 'rolltime' };
    const directory = scratchDirectory();
    // Within one second, so that the names would be the same.
    await sleep(1_000 - (Date.now() % 1_000));
    const sinks = await Promise.all([1, 2, 3].map(() => openFiles(names, directory)));
    await Promise.all(sinks.map(({ deliver }, number) => deliver(`from ${number}`)));
    expect(linesOf(directory).sort()).toEqual(['from 0', 'from 1', 'from 2']);
    expect(sinks.flatMap(({ errors }) => errors())).toEqual([]);
  });
});

describe('what cannot be written', () => {
  test('because there is no directory is told at the start, and written when there is one', async () => {
    const { directory, sink, channel, errors } = await openFiles({}, join(scratchDirectory(), 'missing'));
    expect(errors()).toEqual([
      expect.stringMatching(/^Error: Cannot write to .+\/missing\/\d+-1 \(ENOENT: .+\): create the directory\.$/),
    ]);
    await channel.put('a', 'b');
    await eventually(() => sink.figures()['returned']).toBeGreaterThan(2);
    expect(sink.log.lines.at(-1)).toMatchObject({ message: expect.stringContaining('Delivery failed') });
    mkdirSync(directory);
    await eventually(() => channel.counters().committed).toBe(2);
    expect(linesOf(directory)).toEqual(['a', 'b']);
  });

  test('because sink.directory is a file is told', async () => {
    const file = join(scratchDirectory(), 'file');
    writeFileSync(file, '');
    const { errors } = await openFiles({}, file);
    expect(errors()).toEqual([expect.stringContaining('name a directory in sink.directory')]);
  });

  test('to its end is cut off, and comes whole in the next file', async () => {
    const { directory, deliver, sink, channel } = await openFiles();
    await deliver('before');
    limitFileBytes(10_000);
    await channel.put(...Array.from({ length: 100 }, (_, number) => `${number} ${'x'.repeat(200)}`));
    await eventually(() => sink.figures()['returned']).toBeGreaterThan(100);
    limitFileBytes('unlimited');
    await eventually(() => channel.counters().committed).toBe(101);
    await sink.stop();
    const files = textsOf(directory);
    expect(files).toHaveLength(2);
    expect(files[0]).toBe('before\n');
    expect(files[1]!.split('\n').map((line) => line.split(' ')[0])).toEqual([...Array(100).keys(), ''].map(String));
    const { opened, closed, failed } = sink.figures();
    expect(failed).toBeGreaterThan(1);
    expect(opened).toBe(closed! + failed!);
  });

  test('for want of room leaves no empty files behind', async () => {
    const { directory, descriptor, channel, errors } = await openFiles();
    redirect(descriptor(), '/dev/full');
    await channel.put('a');
    await eventually(() => channel.counters().committed).toBe(1);
    expect(errors()).toEqual([expect.stringMatching(/-1 \(ENOSPC: .+\): make room on the disk\.$/)]);
    expect(filesOf(directory)).toEqual([expect.stringMatching(/-2$/)]);
    expect(linesOf(directory)).toEqual(['a']);
  });

  test('to the disk is not committed, though it could be written', async () => {
    const { directory, deliver, descriptor, channel, sink, errors } = await openFiles();
    await deliver('a');
    // A pipe takes bytes, and refuses to sync them.
    const pipe = join(scratchDirectory(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    redirect(descriptor(), pipe);
    await deliver('b');
    expect(channel.counters()).toMatchObject({ committed: 2 });
    expect(errors()).toEqual([expect.stringMatching(/-1 \(EINVAL: invalid argument, fdatasync\)/)]);
    expect(textsOf(directory)).toEqual(['a\n', 'b\n']);
    const warnings = sink.log.lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ fields }) => basename(String(fields['file'])))).toEqual([filesOf(directory)[0]]);
  });

  test('to a file that somebody has deleted is written to the next one', async () => {
    const { directory, deliver, errors } = await openFiles();
    await deliver('a');
    rmSync(join(directory, filesOf(directory)[0]!));
    await deliver('b');
    await deliver('c');
    expect(textsOf(directory)).toEqual(['b\nc\n']);
    expect(errors()).toEqual([expect.stringContaining('somebody has deleted the file')]);
  });
});

/** How long files may become that this process writes. */
function limitFileBytes(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
}

describe('a configuration', () => {
  function told(lines: string[]): string[] {
    const text = [
      ...['a1.channels = c1', 'a1.channels.c1.type = memory', 'a1.sinks = k1'],
      ...['type = file_roll', 'channel = c1', 'sink.directory = /tmp', ...lines].map((line) => `a1.sinks.k1.${line}`),
    ].join('\n');
    const registry = createRegistry([registration, { spec: memory, module: registration.module }]);
    const { diagnostics } = planTexts(new Map([['flume.conf', Buffer.from(text)]]), {
      registry,
      system: new Map(),
      environment: new Map(),
    });
    return diagnostics
      .filter(({ message }) => message.includes('sink.'))
      .map(({ severity, message, suggestion }) => `${severity}: ${message} → ${suggestion}`);
  }

  test('with every property of Flume is taken, and class names are', () => {
    const serializer = (name: string) => `sink.serializer = org.apache.flume.serialization.${name}$Builder`;
    for (const name of ['BodyTextEventSerializer', 'HeaderAndBodyTextEventSerializer', 'FlumeEventAvroEventSerializer'])
      expect(told([serializer(name)])).toEqual([]);
    const settings = [
      'rollInterval = 5',
      'batchSize = 7',
      'serializer = AVRO_EVENT',
      'serializer.appendNewline = true',
    ];
    const more = [
      'serializer.syncIntervalBytes = 100',
      'serializer.compressionCodec = deflate',
      'pathManager = ROLLTIME',
    ];
    const names = ['pathManager.prefix = a', 'pathManager.extension = b'];
    expect(told([...settings, ...more, ...names].map((line) => `sink.${line}`))).toEqual([]);
  });

  test('with a serializer that does not exist is told before a file is opened', () => {
    expect(told(['sink.serializer = header_and_txt'])).toEqual([
      'error: sink.serializer of a1.sinks.k1 must be text, header_and_text or avro_event, not "header_and_txt". Sink k1 is dropped. → did you mean "header_and_text"?',
    ]);
  });

  test('with a codec that is not there is told that nothing will be compressed', () => {
    expect(told(['sink.serializer = avro_event', 'sink.serializer.compressionCodec = snappy'])).toEqual([
      'warning: sink.serializer.compressionCodec of a1.sinks.k1 must be null, deflate or zstandard, not "snappy". It counts as null, as in Flume. → correct it, or remove the line for the default, null',
    ]);
  });

  test('with a mistyped property of a serializer is told which one it may be', () => {
    expect(told(['sink.serializer.appendNewLine = false'])).toEqual([
      expect.stringMatching(
        /^warning: .*"sink.serializer.appendNewLine".* → did you mean "sink.serializer.appendNewline"\?$/,
      ),
    ]);
  });
});
