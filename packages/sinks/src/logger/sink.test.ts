import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registration } from '@millrace/kernel/config/plan-types';
import {
  loggedBodies,
  openSink,
  ScratchChannel,
  type Settings,
  type SinkPeer,
  sinkContract,
  type TextEvent,
} from '@millrace/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dumpEvent } from './dump.ts';
import { logger } from './spec.ts';

const registration: Registration = { spec: logger, module: new URL('./sink.js', import.meta.url) };

/** The sink writes to descriptor 1. Here it is a file, or a device that is always full; the test runner speaks through others. */
function standardOutputIs(path: string): void {
  closeSync(1);
  // The system gives out the lowest number that is free.
  expect(openSync(path, 'a')).toBe(1);
}

/** Standard output as a file that can be read, for the rest of this process. */
function captureOutput() {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-logger-'));
  const file = join(directory, 'out');
  standardOutputIs(file);
  return {
    file,
    read() {
      const text = readFileSync(file, 'utf8');
      truncateSync(file);
      return text;
    },
    end() {
      standardOutputIs('/dev/null');
      rmSync(directory, { recursive: true });
    },
  };
}

sinkContract(registration, {
  async peer(): Promise<SinkPeer> {
    const output = captureOutput();
    return {
      settings: { maxBytesToLog: 16 },
      received: async () => loggedBodies(output.read().split('\n')),
      fail: async () => standardOutputIs('/dev/full'),
      mend: async () => standardOutputIs(output.file),
      [Symbol.asyncDispose]: async () => output.end(),
    };
  },
});

describe('a dump', () => {
  const dump = (body: string | Uint8Array, most = 16, headers = {}) => dumpEvent(headers, Buffer.from(body), most);

  test('has 48 columns of hex digits and then the text', () => {
    expect(dump('hello\r')).toBe(`{ headers:{} body: 68 65 6C 6C 6F 0D${' '.repeat(31)}hello. }`);
  });

  test('of no byte is empty', () => {
    expect(dump('')).toBe('{ headers:{} body: }');
  });

  test('of one byte is padded', () => {
    expect(dump('A')).toBe(`{ headers:{} body: 41${' '.repeat(46)}A }`);
  });

  test('of a full row has no padding', () => {
    const row = '30 31 32 33 34 35 36 37 38 39 41 42 43 44 45 46 0123456789ABCDEF';
    expect(dump('0123456789ABCDEF')).toBe(`{ headers:{} body: ${row} }`);
  });

  test('stops at maxBytesToLog', () => {
    expect(dump('0123456789ABCDEFG')).toBe(dump('0123456789ABCDEF'));
    expect(dump('0123', 2)).toBe(`{ headers:{} body: 30 31${' '.repeat(43)}01 }`);
  });

  test('of several rows has an offset before each but the first', () => {
    const first = '30 31 32 33 34 35 36 37 38 39 41 42 43 44 45 46 0123456789ABCDEF';
    expect(dump('0123456789ABCDEFG', 100)).toBe(`{ headers:{} body: ${first}\n00000010 47${' '.repeat(46)}G }`);
    const rows = dump(`${'0123456789ABCDEF'.repeat(2)}GHIJKLMN`, 40).split('\n');
    expect(rows).toEqual([
      `{ headers:{} body: ${first}`,
      `00000010 ${first}`,
      `00000020 47 48 49 4A 4B 4C 4D 4E${' '.repeat(25)}GHIJKLMN }`,
    ]);
  });

  test('shows bytes that are not printable ASCII as dots', () => {
    expect(dump(Uint8Array.of(0x1f, 0x20, 0x7e, 0x7f, 0xff))).toContain('1F 20 7E 7F FF');
    expect(dump(Uint8Array.of(0x1f, 0x20, 0x7e, 0x7f, 0xff))).toMatch(/\. ~\.\. \}$/);
  });

  test('begins with the headers', () => {
    expect(dump('', 16, { host: 'h1', größe: '5' })).toBe('{ headers:{host=h1, größe=5} body: }');
  });
});

describe('standard output', () => {
  async function lines(settings: Settings, event: TextEvent | string): Promise<string[]> {
    const output = captureOutput();
    onTestFinished(() => output.end());
    using channel = new ScratchChannel();
    await channel.put(event);
    await using sink = await openSink(registration, settings, channel);
    await sink.stop();
    return output.read().split('\n');
  }

  test('gets a line for each event, with the time, as the guide of Flume shows it', async () => {
    const [line, end] = await lines({}, { headers: { a: 'b' }, body: 'Hello world!\r' });
    expect(line).toMatch(
      /^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d INFO sink\.LoggerSink: Event: \{ headers:\{a=b\} body: 48 65 6C 6C 6F 20 77 6F 72 6C 64 21 0D {10}Hello world!\. \}$/,
    );
    expect(end).toBe('');
  });

  test('gets 16 bytes of a body, or as many as maxBytesToLog says', async () => {
    expect((await lines({}, 'x'.repeat(100)))[0]).toMatch(/ x{16} \}$/);
    expect(await lines({ maxBytesToLog: 33 }, 'x'.repeat(100))).toHaveLength(4);
  });
});
