import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { eventually, type RecordedLog, recordLog } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { Clients, type Reception } from './clients.ts';
import { listen } from './listen.ts';

/** Clients that nothing is done with but what a test says. */
async function clientsOf(reception: Partial<Reception<boolean>>) {
  const log: RecordedLog = recordLog();
  const clients = new Clients({ layers: {}, log });
  const served: string[] = [];
  const server = await listen({ host: '127.0.0.1', port: 0 }, (socket) =>
    clients.accept(socket, {
      admit: () => true,
      serve: (stream, peer) => {
        served.push(peer);
        return { close: async () => void stream.destroy() };
      },
      ...reception,
    }),
  );
  onTestFinished(async () => {
    const closed = once(server, 'close');
    server.close();
    await clients.close();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return { log, served, clients, connect: (): Socket => connect(port, '127.0.0.1').on('error', () => {}) };
}

test('no more than 1,024 clients wait to be admitted, and when they are, others may come', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let asked = 0;
  const it = await clientsOf({
    admit: () => {
      asked += 1;
      return promise;
    },
  });
  for (let client = 0; client < 1_024; client += 1) it.connect();
  await eventually(() => asked).toBe(1_024);
  await once(it.connect(), 'close');
  expect(it.log.lines).toMatchObject([
    { level: 'warn', fields: { peer: '127.0.0.1' }, message: 'A connection could not be let in.' },
  ]);
  resolve(true);
  await eventually(() => it.served.length).toBe(1_024);
  it.connect();
  await eventually(() => it.served.length).toBe(1_025);
});

test('a client of which it cannot be found out whether it may connect is told and disconnected', async () => {
  const error = new Error('The list of friends is lost.');
  const it = await clientsOf({ admit: () => Promise.reject(error) });
  await once(it.connect(), 'close');
  expect(it.log.lines).toMatchObject([{ level: 'warn', fields: { peer: '127.0.0.1', error } }]);
});

test('who comes when everything is over already is not served', async () => {
  const it = await clientsOf({});
  await it.clients.close();
  await once(it.connect(), 'close');
  expect([it.served, it.log.lines]).toEqual([[], []]);
});
