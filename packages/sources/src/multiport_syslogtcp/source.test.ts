import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { eventually, type Settings } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { type Stage, stage } from '../shared/stage.test.fixture.ts';
import { multiport_syslogtcp } from './spec.ts';

const registration: Registration = {
  spec: multiport_syslogtcp,
  module: new URL('./source.js', import.meta.url),
};

const open = (more: Settings = {}): Promise<Stage> => stage(registration, { host: '127.0.0.1', ports: '0', ...more });

test('a message is an event with the headers of Flume, capitals and all; an empty line is none', async () => {
  await using it = await open({ portHeader: 'port', clientIPHeader: 'ip', clientHostnameHeader: 'name' });
  await it.send('<132>1 2026-11-21T13:35:00.5+02:00 vm app text\n\n<13>Foo 21 06:35:00 vm text\nhello\n');
  await eventually(() => it.source.figures()['accepted']).toBe(3);
  const client = { port: String(it.ports[0]), ip: '127.0.0.1', name: 'localhost' };
  const known = { Facility: '16', Severity: '4', Priority: '132', Version: '1' };
  expect(it.channel.take()).toEqual([
    { headers: { ...known, timestamp: '1795260900500', host: 'vm', ...client }, body: 'app text' },
    { headers: { Facility: '1', Severity: '5', Priority: '13', timestamp: '0', host: 'vm', ...client }, body: 'text' },
    { headers: { 'flume.syslog.status': 'Invalid', ...client }, body: 'hello' },
  ]);
});

test('every port has its own character set: bodies stay as they were sent, headers are UTF-8', async () => {
  await using taken = await open();
  const [port] = taken.ports;
  await taken.source.stop();
  await using it = await open({ ports: `${port} 0`, [`charset.port.${port}`]: 'GBK', 'charset.default': 'ISO8859_1' });
  const text = Buffer.from([...Buffer.from('<13>- '), 0xc4, 0xe3, ...Buffer.from(' '), 0xba, 0xc3, 0x0a]);
  await it.send(text, port);
  await eventually(() => it.source.figures()['accepted']).toBe(1);
  await it.send(
    text,
    it.ports.find((other) => other !== port),
  );
  await eventually(() => it.source.figures()['accepted']).toBe(2);
  const lease = it.channel.port.tryTake(2)!;
  expect([lease.batch.headers(0)['host'], lease.batch.headers(1)['host']]).toEqual(['你', 'Äã']);
  expect([lease.batch.body(0), lease.batch.body(1)]).toEqual([Uint8Array.of(0xba, 0xc3), Uint8Array.of(0xba, 0xc3)]);
  lease.commit();
});

describe('ports', () => {
  async function occupied() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, port: (server.address() as AddressInfo).port };
  }

  test('that cannot be listened on are told, and the others work', async () => {
    const { server, port } = await occupied();
    await using it = await open({ ports: `${port} 0` });
    expect(it.source.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', fields: expect.objectContaining({ port }) }),
    );
    await it.send('<13>- h text\n');
    await eventually(() => it.channel.takeBodies()).toEqual(['text']);
    server.close();
  });

  test('of which none can be listened on keep the source from starting', async () => {
    const { server, port } = await occupied();
    await expect(open({ ports: String(port) })).rejects.toThrow('EADDRINUSE');
    server.close();
  });

  test('have to be numbers', async () => {
    await expect(open({ ports: '514 syslog' })).rejects.toThrow('must be ports from 0 to 65535');
  });
});

test.for(['UTF-16', 'utf-9'])('the character set %s is refused, with its property', async (charset) => {
  await expect(open({ 'charset.port.514': charset })).rejects.toThrow(`charset.port.514 is "${charset}"`);
});
