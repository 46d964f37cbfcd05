import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from './listen.ts';

async function closing(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

test('a name is looked up, and its IPv4 address is taken', async () => {
  const server = await listen({ host: 'localhost', port: 0 }, () => {});
  expect(server.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
  await closing(server);
});

test('without a host every address is listened on', async () => {
  const server = await listen({ host: undefined, port: 0 }, (socket) => socket.destroy());
  const { address, port } = server.address() as AddressInfo;
  expect(['::', '0.0.0.0']).toContain(address);
  await once(connect({ port, host: '127.0.0.1' }), 'close');
  await closing(server);
});

test('connections begin paused, so that nothing is read before somebody wants it', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = await listen({ host: '127.0.0.1', port: 0 }, (socket) => {
    resolve(socket.isPaused());
    socket.destroy();
  });
  connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  expect(await promise).toBe(true);
  await closing(server);
});

test.runIf(process.platform === 'linux')('a client that is gone without a word is noticed by the system', async () => {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = await listen({ host: '127.0.0.1', port: 0 }, resolve);
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const socket = await promise;
  const [port, peer] = [socket.localPort!, socket.remotePort!].map((it) => `0100007F:${it.toString(16).toUpperCase()}`);
  const table = await readFile('/proc/net/tcp', 'latin1');
  const [, , , , , timer] = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, from, to]) => from === port && to === peer)!;
  // 02 is the timer that probes a quiet connection.
  expect(timer).toMatch(/^02:/);
  client.destroy();
  socket.destroy();
  await closing(server);
});

test('what stands in the way is told, with what to do', async () => {
  const server = await listen({ host: '127.0.0.1', port: 0 }, () => {});
  const { port } = server.address() as AddressInfo;
  await expect(listen({ host: '127.0.0.1', port }, () => {})).rejects.toThrow(
    `Cannot listen on 127.0.0.1, port ${port} (EADDRINUSE): something listens there already; stop it, or choose another port.`,
  );
  await closing(server);
  await expect(listen({ host: 'no-such-host.invalid', port: 0 }, () => {})).rejects.toThrow('no-such-host.invalid');
  await expect(listen({ host: '192.0.2.1', port: 0 }, () => {})).rejects.toThrow('(EADDRNOTAVAIL): this host does not');
});
