import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { eventually, ScratchChannel, type Settings } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { dropsOf } from '../shared/datagrams/losses.ts';
import { type Stage, stage } from '../shared/stage.test.fixture.ts';
import { syslogudp } from './spec.ts';

const registration: Registration = { spec: syslogudp, module: new URL('./source.js', import.meta.url) };

const open = (more: Settings = {}, channel?: ScratchChannel): Promise<Stage> =>
  stage(registration, { host: '127.0.0.1', port: 0, ...more }, channel);

test('a datagram is one event, up to its first line end; an empty one is none', async () => {
  await using it = await open();
  await it.sendDatagrams('<13>1 - h one\nrest', '', '\n', '<13>1 - h two', 'three', '<13');
  await eventually(() => it.source.figures()['accepted']).toBe(4);
  expect(it.channel.take()).toEqual([
    { headers: { Facility: '1', Severity: '5', priority: '13', version: '1', host: 'h' }, body: 'one' },
    { headers: { Facility: '1', Severity: '5', priority: '13', version: '1', host: 'h' }, body: 'two' },
    { headers: { Facility: '0', Severity: '0', 'flume.syslog.status': 'Invalid' }, body: 'three' },
    { headers: { Facility: '0', Severity: '0', 'flume.syslog.status': 'Invalid' }, body: '<13' },
  ]);
});

test('may be as long as a datagram can be', async () => {
  await using it = await open();
  const body = 'x'.repeat(65_000);
  await it.sendDatagrams(...Array.from({ length: 8 }, (_, at) => `<13>1 - h ${at}${body}`));
  await eventually(() => it.source.figures()['accepted']).toBe(8);
  expect(it.channel.takeBodies()).toEqual(Array.from({ length: 8 }, (_, at) => `${at}${body}`));
});

test('what has come when the source stops is put', async () => {
  await using it = await open();
  // More than are read at once; the system keeps as many as it grants room for.
  const bodies = Array.from({ length: 3_000 }, (_, at) => String(at));
  await it.sendDatagrams(...bodies.map((body) => `<13>1 - h ${body}`));
  await it.source.stop();
  const { lost } = it.source.figures();
  expect(it.channel.takeBodies()).toEqual(bodies.slice(0, bodies.length - lost!));
});

test('comes on every address where no host is given, and knows the client by its plain address', async () => {
  await using it = await stage(registration, { port: 0, clientIPHeader: 'ip', clientHostnameHeader: 'name' });
  await it.sendDatagrams('<13>1 - h one', '<13>1 - h two');
  await it.sendDatagrams('<13>1 - h three');
  await eventually(() => it.source.figures()['accepted']).toBe(3);
  const events = it.channel.take();
  expect(events.map(({ body }) => body)).toEqual(['one', 'two', 'three']);
  for (const { headers } of events) expect(headers).toMatchObject({ ip: '127.0.0.1', name: 'localhost' });
});

test('what a channel refuses is dropped and counted, and said once for all that come together', async () => {
  await using it = await open({}, new ScratchChannel({ capacity: 2, transactionCapacity: 2 }));
  await it.sendDatagrams(...Array.from({ length: 10 }, (_, at) => `<13>1 - h ${at}`));
  await eventually(() => it.source.figures()).toMatchObject({ received: 10, accepted: 2, rejected: 8 });
  const refused = it.source.log.lines.filter(({ message }) => message.includes('refused'));
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.reduce((sum, { fields }) => sum + Number(fields['datagrams']), 0)).toBe(8);
});

test('what comes beyond maxInFlightBytes is dropped and counted', async () => {
  const channel = new ScratchChannel({ capacity: 1, transactionCapacity: 1, keepAliveMs: 60_000 });
  await using it = await open({ maxInFlightBytes: 500 }, channel);
  const send = () => it.sendDatagrams(...Array.from({ length: 10 }, (_, at) => `<13>1 - host ${at}`.padEnd(30, '.')));
  await send();
  await eventually(() => it.source.figures()['dropped']).toBeGreaterThanOrEqual(6);
  await send();
  await eventually(() => it.source.figures()['dropped']).toBeGreaterThanOrEqual(16);
  await it.source.stop();
  const { dropped, received, accepted, rejected } = it.source.figures();
  expect([dropped! + received!, accepted! + rejected!]).toEqual([20, received]);
});

test('what comes while a channel has no room is kept, however little of it the system would keep', async () => {
  const channel = new ScratchChannel({ capacity: 1, transactionCapacity: 1, keepAliveMs: 60_000 });
  await using it = await open({ receiveBufferBytes: 200_000 }, channel);
  const bodies = Array.from({ length: 20 }, (_, at) => `${at} `.padEnd(60_000, '.'));
  for (const body of bodies) {
    await it.sendDatagrams(`<13>1 - h ${body}`);
    await pause(10);
  }
  const taken: string[] = [];
  await eventually(() => taken.push(...channel.takeBodies())).toBe(20);
  expect(taken).toEqual(bodies);
});

test('a receive buffer that the system does not grant is told, with the command that raises it', async () => {
  await using it = await open({ receiveBufferBytes: 1 << 30 });
  const [line] = it.source.log.lines.filter(({ level }) => level === 'warn');
  expect(line!.message).toContain('sysctl -w net.core.rmem_max=1073741824');
});

test('a port that is taken is told, with what to do', async () => {
  await using it = await open();
  const [port] = it.ports;
  await expect(open({ port: port! })).rejects.toThrow(
    `Cannot listen on 127.0.0.1, port ${port} (EADDRINUSE): something`,
  );
});

test.runIf(process.platform === 'linux')('what the system drops is counted and told', async () => {
  await using it = await open({ receiveBufferBytes: 1 });
  const socket = createSocket('udp4');
  socket.connect(it.ports[0]!, '127.0.0.1');
  await once(socket, 'connect');
  // All in one turn, in which the source cannot read.
  for (let at = 0; at < 500; at += 1) socket.send(`<13>1 - h ${at}`);
  await eventually(() => it.source.figures()['accepted']).toBeGreaterThan(0);
  await it.source.stop();
  socket.close();
  const { lost, accepted } = it.source.figures();
  expect(lost! + accepted!).toBe(500);
  const losses = it.source.log.lines.filter(({ message }) => message.startsWith('The system has dropped datagrams'));
  expect(losses).toHaveLength(1);
});

test('the losses of a socket are found by its address', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  1: 0200000A:1415 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 26 2 0000000000000000 7',
    '  2: 0100007F:1415 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 27 2 0000000000000000 88',
  ].join('\n');
  expect(dropsOf(table, { address: '127.0.0.1', port: 5141 })).toBe(88);
  expect(dropsOf(table, { address: '10.0.0.2', port: 5141 })).toBe(7);
  expect(dropsOf(table, { address: '0.0.0.0', port: 5141 })).toBe(0);
});
