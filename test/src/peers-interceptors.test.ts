import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { eventsIn, type FileEvent } from './peers/avro-file.ts';
import { both } from './peers/both.ts';
import { comparable, oddEvents } from './peers/events.ts';
import { missingFlume, Peer } from './peers/peer.ts';
import { appendBatch, talk } from './wire/avro.ts';

/** The real Flume and Millrace let the same events pass the same interceptors, and must make the same of them. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

type Settings = Readonly<Record<string, string | number | boolean>>;

/** Chains by name, each of a source of its own. */
const chains: Readonly<Record<string, readonly Settings[]>> = {
  timestamp: [{ type: 'timestamp' }],
  'timestamp, kept': [{ type: 'timestamp', preserveExisting: true }],
  'timestamp, renamed': [{ type: 'org.apache.flume.interceptor.TimestampInterceptor$Builder', headerName: 'host' }],
  'address of the host': [{ type: 'host' }],
  'name of the host, kept': [{ type: 'host', useIP: false, preserveExisting: true, hostHeader: 'host' }],
  static: [{ type: 'static' }],
  'static, replaced': [{ type: 'static', key: 'host', value: 'grüße 日本', preserveExisting: false }],
  'preserveExisting that is not "true"': [{ type: 'static', key: 'host', value: 'x', preserveExisting: 'yes' }],
  'a header removed': [{ type: 'remove_header', withName: 'last' }],
  'headers removed by a list': [{ type: 'remove_header', fromList: 'host , size,Host,,' }],
  'headers removed by a list with other separators': [
    { type: 'remove_header', fromList: ';host;size', fromListSeparator: '(;|,)' },
  ],
  'headers removed by a pattern': [{ type: 'remove_header', matching: '(?i)HEADER-[0-6]?1.|S.*e' }],
  'headers removed in every way': [
    { type: 'remove_header', withName: 'bytes', fromList: 'size', matching: 'header-(\\\\d{2,}|1)|la[^x]t' },
  ],
  'all in a chain': [
    { type: 'timestamp', headerName: 'when' },
    { type: 'host', hostHeader: 'where' },
    { type: 'static', key: 'size', value: 'none' },
    { type: 'remove_header', matching: 'header-\\\\d*0|host' },
    { type: 'static', key: 'host', value: 'after' },
    { type: 'remove_header', withName: 'where' },
  ],
};

/** An Avro source, a memory channel and a file for each chain. */
function configuration(directory: string, ports: readonly number[]): string {
  const names = ports.map((_, at) => String(at));
  const list = (kind: string, letter: string) => `a1.${kind} = ${names.map((name) => letter + name).join(' ')}`;
  const properties = (of: string, values: Settings) =>
    Object.entries(values).map(([name, value]) => `a1.${of}.${name} = ${value}`);
  const flows = Object.values(chains).flatMap((chain, at) => [
    ...properties(`sources.r${at}`, { type: 'avro', bind: '127.0.0.1', port: ports[at]!, channels: `c${at}` }),
    ...properties(`sources.r${at}`, { interceptors: chain.map((_, number) => `i${number}`).join(' ') }),
    ...chain.flatMap((settings, number) => properties(`sources.r${at}.interceptors.i${number}`, settings)),
    ...properties(`channels.c${at}`, { type: 'memory', capacity: 1000, transactionCapacity: 100 }),
    ...properties(`sinks.k${at}`, {
      ...{ type: 'file_roll', channel: `c${at}`, 'sink.directory': join(directory, String(at)) },
      ...{ 'sink.rollInterval': 0, 'sink.serializer': 'avro_event', 'sink.batchSize': 1 },
    }),
  ]);
  return [list('sources', 'r'), list('channels', 'c'), list('sinks', 'k'), ...flows, ''].join('\n');
}

/** An event whose time is always the same if it is now, and of which everything long is short, so that a difference can be seen. */
function shown({ headers, body }: FileEvent) {
  const isNow = (value: string) => /^\d{13}$/.test(value) && Math.abs(Number(value) - Date.now()) < 60_000;
  const short = (value: string) =>
    value.length > 80 ? `${value.length} characters, ${createHash('md5').update(value).digest('hex')}` : value;
  const [event] = comparable([{ headers, body }]);
  const pairs = Object.entries(headers).map(([name, value]) => [name, isNow(value) ? 'now' : short(value)]);
  return { headers: Object.fromEntries(pairs), body: short(event!.body) };
}

test.skipIf(missing !== undefined)('every chain makes the same of the same events', { timeout: 120_000 }, async () => {
  const sent = [...oddEvents, { headers: { timestamp: '7', host: 'h', key: 'mine' }, body: Buffer.from('marked') }];
  const results = await both(async (kind) => {
    using scratch = mkdtempDisposableSync(join(tmpdir(), 'millrace-interceptors-'));
    const ports = await Promise.all(Object.keys(chains).map(() => freePort()));
    for (const at of ports.keys()) mkdirSync(join(scratch.path, String(at)));
    const peer = new Peer(kind, configuration(scratch.path, ports));
    try {
      const passed: Record<string, unknown> = {};
      for (const [at, name] of Object.keys(chains).entries()) {
        await peer.listening(ports[at]!);
        expect(await talk(ports[at]!, [appendBatch(sent)])).toEqual(['OK']);
        const arrived = () => eventsIn(join(scratch.path, String(at)));
        await eventually(async () => (await arrived()).length).toBe(sent.length);
        passed[name] = (await arrived()).map(shown);
      }
      return passed;
    } finally {
      await peer.stop(kind === 'Flume' ? 'SIGKILL' : 'SIGTERM');
    }
  });
  for (const name of Object.keys(chains)) expect([name, results.Millrace[name]]).toEqual([name, results.Flume[name]]);
});
