import type { Registration } from '@millrace/kernel/config/plan-types';
import { eventually, ScratchChannel } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { stage } from '../shared/stage.test.fixture.ts';
import { netcatudp } from './spec.ts';

const registration: Registration = { spec: netcatudp, module: new URL('./source.js', import.meta.url) };

test('a datagram is one event, up to its first line end, without headers', async () => {
  await using it = await stage(registration, { bind: '127.0.0.1', port: 0 });
  await it.sendDatagrams('one\nrest', '', '\ntwo', 'three\r\n');
  await eventually(() => it.source.figures()['accepted']).toBe(4);
  expect(it.channel.take()).toEqual(['one', '', '', 'three\r'].map((body) => ({ headers: {}, body })));
});

test.for([false, true])(
  'remoteAddress names the header for where it comes from (stopped at once: %s)',
  async (stopped) => {
    await using it = await stage(registration, { bind: '127.0.0.1', port: 0, remoteAddress: 'peer' });
    const first = await it.sendDatagrams('one', 'two');
    const second = await it.sendDatagrams('three');
    if (stopped) await it.source.stop();
    else await eventually(() => it.source.figures()['accepted']).toBe(3);
    const peers = it.channel.take().map(({ headers }) => headers['peer']);
    expect(peers).toEqual([first, first, second].map((port) => `/127.0.0.1:${port}`));
  },
);

test('datagrams without a byte count against maxInFlightBytes too, and what is dropped is said once', async () => {
  const channel = new ScratchChannel({ capacity: 1, transactionCapacity: 1, keepAliveMs: 60_000 });
  await using it = await stage(registration, { bind: '127.0.0.1', port: 0, maxInFlightBytes: 1_000 }, channel);
  await it.sendDatagrams(...Array.from({ length: 100 }, () => ''));
  await eventually(() => it.source.figures()['dropped']).toBe(93);
  const told = it.source.log.lines.filter(({ message }) => message.startsWith('Datagrams are dropped'));
  expect(told).toHaveLength(1);
  await it.source.stop();
});
