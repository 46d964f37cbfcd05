import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { eventually, LineClient, ScratchChannel, type Settings } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Stage, stage } from '../shared/stage.test.fixture.ts';
import { syslogtcp } from './spec.ts';

const registration: Registration = { spec: syslogtcp, module: new URL('./source.js', import.meta.url) };

function open(more: Settings = {}, channel?: ScratchChannel): Promise<Stage> {
  return stage(registration, { host: '127.0.0.1', port: 0, ...more }, channel);
}

/** What became of some text, when it was so many events. */
async function eventsOf(text: string, count: number, settings: Settings = {}) {
  await using it = await open(settings);
  await it.send(text);
  await eventually(() => it.source.figures()['accepted']).toBe(count);
  return it.channel.take();
}

describe('a message', () => {
  test('of either form, or counted, is an event with the headers of Flume', async () => {
    const rfc5424 = '<132>1 2026-11-21T11:35:00.941752+00:00 vm app 42 M1 [x@1 k="v"] two\nlines';
    const text = `<13>1 - h text\n${rfc5424.length} ${rfc5424}<34>hello\nhello\n\n`;
    expect(await eventsOf(text, 4)).toEqual([
      { headers: { Facility: '1', Severity: '5', priority: '13', version: '1', host: 'h' }, body: 'text' },
      {
        headers: {
          Facility: '16',
          Severity: '4',
          priority: '132',
          version: '1',
          timestamp: '1795260900941',
          host: 'vm',
        },
        body: 'app 42 M1 [x@1 k="v"] two\nlines',
      },
      { headers: { Facility: '4', Severity: '2' }, body: '<34>hello' },
      { headers: { Facility: '0', Severity: '0', 'flume.syslog.status': 'Invalid' }, body: 'hello' },
    ]);
  });

  test('may come byte by byte', async () => {
    await using it = await open();
    const client = await LineClient.connect(it.ports[0]!);
    for (const byte of Buffer.from('<13>1 - h grüße\n15 <13>1 - h a\nb\nc<13')) await client.write(Uint8Array.of(byte));
    await client.close();
    await eventually(() => it.source.figures()).toMatchObject({ accepted: 2, connections: 0 });
    expect(it.channel.takeBodies()).toEqual(['grüße', 'a\nb\nc']);
  });

  test('is never counted with framing = lines', async () => {
    const [event] = await eventsOf('7 <34>x\n', 1, { framing: 'lines' });
    expect(event).toMatchObject({ headers: { 'flume.syslog.status': 'Invalid' }, body: '7 <34>x' });
  });

  test('that is longer than eventSize is cut, and its rest is a message of its own', async () => {
    const events = await eventsOf('<13>1 - h 0123456789rest\n<13>1 - h next\n', 3, { eventSize: 20 });
    expect(events.map(({ body, headers }) => [body, headers['flume.syslog.status']])).toEqual([
      ['0123456789', 'Incomplete'],
      ['rest', 'Invalid'],
      ['next', undefined],
    ]);
  });
});

describe('keepFields', () => {
  const message = '<13>1 2026-11-21T11:35:00Z h text';

  test.for([
    ['none', 'text'],
    ['all', message],
    ['true', message],
    ['priority version', '<13>1 text'],
    ['Timestamp,HOSTNAME', '2026-11-21T11:35:00Z h text'],
    ['something else', 'text'],
  ] as const)('%s leaves %s', async ([keepFields, body]) => {
    const [event] = await eventsOf(`${message}\n`, 1, { keepFields });
    expect(event!.body).toBe(body);
    expect(event!.headers).toMatchObject({ priority: '13', host: 'h' });
  });

  test('has a - for what the message does not say', async () => {
    const [event] = await eventsOf('<13>1 - - text\n', 1, { keepFields: 'timestamp hostname' });
    expect(event!.body).toBe('- - text');
  });
});

test('clientIPHeader and clientHostnameHeader name the client, and win over what it says', async () => {
  const [event] = await eventsOf('<13>1 - h text\n', 1, { clientIPHeader: 'host', clientHostnameHeader: 'name' });
  expect(event!.headers).toMatchObject({ host: '127.0.0.1', name: 'localhost' });
});

describe('format', () => {
  const form = {
    'format.regex': '<(\\d+)>(\\d?)@(\\S+) (\\S+): (.*)',
    'format.search': '(\\d+)\\|(\\d+)',
    'format.replace': '$1:$2',
    'format.dateFormat': "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
  };

  test('is tried first, and what is not in it is understood as usual', async () => {
    const text = '<13>@2026-11-21T11|35:00.123+02:00 h: text\n<13>1 - h usual\nbad\n';
    expect(await eventsOf(text, 3, { ...form, keepFields: 'hostname' })).toEqual([
      {
        headers: { Facility: '1', Severity: '5', priority: '13', timestamp: '1795253700123', host: 'h' },
        body: 'h text',
      },
      { headers: { Facility: '1', Severity: '5', priority: '13', version: '1', host: 'h' }, body: 'h usual' },
      { headers: { Facility: '0', Severity: '0', 'flume.syslog.status': 'Invalid' }, body: 'bad' },
    ]);
  });

  test.for([
    [{ 'format.regex': '(' }, 'format.regex is not a regular expression'],
    [{ ...form, 'format.dateFormat': 'yyyy-ww' }, 'format.dateFormat has the letter w'],
  ] as const)('%o is refused with its name', async ([settings, reason]) => {
    await expect(open(settings)).rejects.toThrow(reason);
  });
});

describe('a full channel', () => {
  test('is waited for: nothing is dropped, and the client is not read meanwhile', async () => {
    const channel = new ScratchChannel({ capacity: 20, transactionCapacity: 20, keepAliveMs: 100 });
    await using it = await open({}, channel);
    const client = await LineClient.connect(it.ports[0]!);
    const numbers = Array.from({ length: 20_000 }, (_, number) => String(number));
    const pad = 'x'.repeat(500);
    client.socket.write(numbers.map((number) => `<13>1 - h ${number} ${pad}\n`).join(''));
    await eventually(() => channel.counters().queued).toBe(20);
    await pause(300);
    expect(it.source.figures()['received']! * 500).toBeLessThan(1 << 20);

    const taken: string[] = [];
    while (taken.length < numbers.length) {
      taken.push(...channel.takeBodies());
      await pause(1);
    }
    expect(taken.map((body) => body.split(' ')[0])).toEqual(numbers);
    expect(it.source.figures()).toMatchObject({ received: 20_000, accepted: 20_000, rejected: 0 });
    client.socket.destroy();
  });

  test('is waited for when the source stops, as long as there is time: nothing that was read is lost', async () => {
    const channel = new ScratchChannel({ capacity: 10, transactionCapacity: 10 });
    await using it = await open({}, channel);
    await it.send(Array.from({ length: 100 }, (_, number) => `<13>1 - h ${number}\n`).join(''));
    await eventually(() => it.source.figures()['received']).toBe(100);
    const stopped = it.source.stop(60_000);
    const taken: string[] = [];
    while (taken.length < 100) {
      taken.push(...channel.takeBodies(5));
      await pause(20);
    }
    await stopped;
    expect(it.source.figures()).toMatchObject({ received: 100, accepted: 100, rejected: 0 });
  });

  test('does not keep the source from stopping, which says what it could not put', async () => {
    const it = await open({}, new ScratchChannel({ capacity: 1, transactionCapacity: 1, keepAliveMs: 60_000 }));
    await it.send('<13>1 - h one\n<13>1 - h two\n<13>1 - h three\n');
    await eventually(() => it.channel.counters().queued).toBe(1);
    await it.source.stop();
    expect(it.source.figures()).toMatchObject({ received: 3, accepted: 1, rejected: 2 });
    const told = it.source.log.lines.filter(({ message }) => message === 'Messages were dropped.');
    expect(told.map(({ fields }) => fields)).toMatchObject([{ messages: 2 }]);
    it.channel[Symbol.dispose]();
  });
});

test('clients that never end a message hold no more than maxInFlightBytes, and keep nobody else from ending one', async () => {
  await using it = await open({ maxInFlightBytes: 10_000, eventSize: 100_000 });
  const clients = await Promise.all(Array.from({ length: 4 }, () => LineClient.connect(it.ports[0]!)));
  for (const client of clients) await client.write(`<13>1 - h ${'x'.repeat(9_000)}`);
  await pause(50);
  for (const client of clients) await client.write('\n');
  await eventually(() => it.source.figures()['accepted']).toBe(4);
  for (const client of clients) client.socket.destroy();
});

describe('ssl', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-syslog-'));
  const keystore = join(directory, 'store.pem');
  const tls = { ssl: true, keystore, 'keystore-password': 'unused' };

  beforeAll(() => {
    const { key, certificate } = certified('server');
    writeFileSync(keystore, key + certificate);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('takes messages over TLS, and only the connection that speaks none is lost', async () => {
    await using it = await open({ ...tls, clientIPHeader: 'ip' });
    const plain = await LineClient.connect(it.ports[0]!);
    await plain.write('<13>1 - h plain text on a port for TLS\n');
    await plain.closed;
    const secure = connect({ port: it.ports[0]!, host: '127.0.0.1', rejectUnauthorized: false });
    secure.write('<13>1 - h one\n15 <13>1 - h secret');
    await eventually(() => it.source.figures()).toMatchObject({ accepted: 2, connections: 1 });
    expect(it.channel.take().map(({ body, headers }) => [body, headers['ip']])).toEqual([
      ['one', '127.0.0.1'],
      ['secre', '127.0.0.1'],
    ]);
    expect(it.source.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    secure.destroy();
  });
});
