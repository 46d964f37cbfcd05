import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { DATAGRAM_BYTES_MAX, DatagramSocket } from './index.ts';

const LOCAL = { address: '127.0.0.1', port: 0, receiveBufferBytes: 1 << 20, origins: false };
/** What each datagram costs besides its bytes. */
const COST = 100;

/** A socket, and somebody who sends to it; what was sent is there when that is told. */
async function open(options = {}) {
  const socket = DatagramSocket.open({ ...LOCAL, ...options });
  const sender = createSocket('udp4');
  sender.connect(socket.port, '127.0.0.1');
  await once(sender, 'connect');
  onTestFinished(() => {
    socket.close();
    sender.close();
  });
  const staged = { bytes: Buffer.alloc(4 * DATAGRAM_BYTES_MAX), marks: new Uint32Array(2 * 1_000), fill: 0, count: 0 };
  return {
    socket,
    sender,
    staged,
    receive(budget = 1 << 20) {
      const received = socket.receive(staged, budget, COST);
      Object.assign(staged, { fill: received.fill, count: received.count });
      return received;
    },
  };
}

async function send(sender: Socket, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await new Promise((resolve) => sender.send(text, resolve));
}

test('it is told once that there are datagrams, and then again when that is asked for', async () => {
  const { socket, sender, receive, staged } = await open();
  let told = 0;
  const readable = () =>
    new Promise<void>((resolve) => {
      socket.watch(() => {
        told += 1;
        resolve();
      });
    });
  const first = readable();
  await send(sender, 'one', 'two');
  await first;
  await send(sender, 'three');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told).toBe(1);
  expect(receive()).toEqual({ fill: 11, count: 3, dropped: 0, more: false, errno: 0 });
  expect(staged.bytes.toString('latin1', 0, 11)).toBe('onetwothree');
  expect([...staged.marks.subarray(0, 6)]).toEqual([3, 0, 3, 0, 5, 0]);
  const second = readable();
  await send(sender, 'four');
  await second;
  expect(receive()).toMatchObject({ fill: 15, count: 4 });
});

test('what costs more than is left is dropped, and what finds no room waits', async () => {
  const { sender, receive, staged } = await open();
  await send(sender, ...Array.from({ length: 5 }, () => 'x'.repeat(10)));
  expect(receive(3 * (COST + 10))).toMatchObject({ count: 3, dropped: 2, more: false });
  staged.count = 998;
  await send(sender, 'a', 'b', 'c');
  expect(receive()).toMatchObject({ count: 1_000, more: true });
  staged.count = 0;
  expect(receive()).toMatchObject({ count: 1, more: false });
});

test('it is told where datagrams come from, each place once', async () => {
  const { socket, sender, receive, staged } = await open({ origins: true });
  await send(sender, 'a', 'b');
  receive();
  expect(socket.takeOrigins()).toEqual([{ address: '127.0.0.1', port: sender.address().port }]);
  expect([...staged.marks.subarray(0, 4)]).toEqual([1, 0, 1, 0]);
  expect(socket.takeOrigins()).toEqual([]);
});

test('what cannot be bound is told with the code of the system', async () => {
  const { socket } = await open();
  expect(() => DatagramSocket.open({ ...LOCAL, port: socket.port })).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE', message: `bind EADDRINUSE 127.0.0.1:${socket.port}` }),
  );
  expect(() => DatagramSocket.open({ ...LOCAL, address: 'nowhere' })).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
});

test('a worker that is terminated leaves its port to others', async () => {
  const module = JSON.stringify(new URL('./index.js', import.meta.url).href);
  const worker = new Worker(
    `import(${module}).then(({ DatagramSocket }) => {
      const socket = DatagramSocket.open(${JSON.stringify(LOCAL)});
      socket.watch(() => {});
      require('node:worker_threads').parentPort.postMessage(socket.port);
    });`,
    { eval: true },
  );
  const [port] = (await once(worker, 'message')) as [number];
  expect(() => DatagramSocket.open({ ...LOCAL, port })).toThrow('EADDRINUSE');
  await worker.terminate();
  DatagramSocket.open({ ...LOCAL, port }).close();
});
