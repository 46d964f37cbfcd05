import { type EventEmitter, once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, type Server, Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { DirectPut } from '@millrace/channel-native';
import { eventually, ScratchChannel } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { compactAppend } from '../server/wire.test.fixture.ts';
import { listen } from './listen.ts';
import { PlainSocket } from './plain-socket.ts';

/** A client and the side of its connection that native code has. */
interface Pair {
  readonly client: Socket;
  readonly plain: PlainSocket;
}

async function pairsOf(count: number): Promise<Pair[]> {
  const accepted: PlainSocket[] = [];
  const server: Server = await listen({ host: '127.0.0.1', port: 0, allowHalfOpen: true }, (socket) =>
    accepted.push(PlainSocket.over(socket)!),
  );
  const { port } = server.address() as AddressInfo;
  const pairs: Pair[] = [];
  for (let at = 0; at < count; at += 1) {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
    await eventually(() => accepted.length).toBe(at + 1);
    pairs.push({ client, plain: accepted[at]! });
  }
  onTestFinished(() => {
    for (const { client, plain } of pairs) {
      client.destroy();
      plain.destroy();
    }
    server.close();
  });
  return pairs;
}

/** What a stream brings, as text, in the order of its events. */
function record(stream: EventEmitter): string[] {
  const events: string[] = [];
  stream.on('data', (piece: Buffer) => events.push(piece.toString()));
  stream.on('error', (error: NodeJS.ErrnoException) => events.push(String(error.code)));
  for (const event of ['end', 'close']) stream.on(event, () => events.push(event));
  return events;
}

const sockets = () => readdirSync('/proc/self/fd').length;

test('each side ends for itself, and the connection is closed when both have', async () => {
  const [{ client, plain }] = (await pairsOf(1)) as [Pair];
  const [sent, received] = [record(plain), record(client)];
  client.end('question');
  plain.resume();
  await eventually(() => sent).toEqual(['question', 'end']);
  plain.write(Buffer.from('answer'));
  plain.end();
  await eventually(() => sent).toEqual(['question', 'end', 'close']);
  await eventually(() => received).toEqual(['answer', 'end', 'close']);
});

test('a connection that is reset says so, and is closed', async () => {
  const [{ client, plain }] = (await pairsOf(1)) as [Pair];
  const events = record(plain);
  plain.resume();
  client.resetAndDestroy();
  await eventually(() => events).toEqual(['ECONNRESET', 'close']);
});

test('while it is paused nothing is told, not even what came in the same turn', async () => {
  const pairs = await pairsOf(20);
  const told: number[] = [];
  for (const { plain } of pairs) {
    plain.on('data', (piece: Buffer) => {
      told.push(Number(piece));
      for (const other of pairs) other.plain.pause();
    });
    plain.resume();
  }
  for (const [at, { client }] of pairs.entries()) client.write(String(at));
  await eventually(() => told.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(told.length).toBe(1);
  for (const { plain } of pairs) {
    plain.removeAllListeners('data');
    plain.on('data', (piece: Buffer) => told.push(Number(piece)));
    plain.resume();
  }
  await eventually(() => told.toSorted((a, b) => a - b)).toEqual(pairs.map((_, at) => at));
});

/** Keeps the event loop from turning. */
const sleepSync = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** What puts requests of Thrift into a channel, and says nothing to them. */
function directInto({ port }: ScratchChannel): DirectPut {
  const answer = [Buffer.alloc(0), Buffer.alloc(0)] as const;
  const direct = DirectPut.open({
    protocol: 'thrift-compact',
    requestBytesMax: 1 << 20,
    into: port.directEnd([])!,
    ...{ appends: [], batches: [], appendAnswer: answer, batchAnswer: answer },
  })!;
  onTestFinished(() => direct.close());
  return direct;
}

/** A request that could be put, whatever stands before it. */
const request = compactAppend(1, 'a');

test('nothing is put directly behind what came while the socket was paused', async () => {
  using channel = new ScratchChannel();
  const direct = directInto(channel);
  const pairs = await pairsOf(20);
  let told = 0;
  let first: PlainSocket | undefined;
  for (const { plain } of pairs) {
    plain.on('data', (piece: Buffer) => {
      told += piece.length;
      first = plain;
      for (const other of pairs) other.plain.pause();
    });
    plain.resume();
  }
  for (const { client } of pairs) client.write(request);
  sleepSync(50); // so that all of them are read in one turn
  await eventually(() => told).toBe(request.length);
  for (const { plain } of pairs) {
    plain.removeAllListeners('data');
    plain.on('data', (piece: Buffer) => {
      told += piece.length;
    });
    // What all but one have brought waits.
    if (plain !== first) plain.putDirectly(direct);
    plain.resume();
  }
  for (const { client } of pairs) client.write(request);
  await eventually(() => told + channel.counters().put * request.length).toBe(40 * request.length);
  expect(told).toBe(40 * request.length);
});

/** With so many sockets ready at once libuv polls again before the turn is over. */
const POLLED_AGAIN = 1_024;

test('nothing is put directly behind what was read in this turn and is not told yet', async () => {
  using channel = new ScratchChannel();
  const direct = directInto(channel);
  const [{ client, plain }] = (await pairsOf(1)) as [Pair];
  let told = 0;
  plain.on('data', (piece: Buffer) => {
    told += piece.length;
  });
  plain.resume();
  // Sockets that Node reads: their listeners run in the middle of the turn.
  let [accepted, heard] = [0, 0];
  const others = await listen({ host: '127.0.0.1', port: 0, allowHalfOpen: true }, (socket) => {
    accepted += 1;
    socket.resume().once('data', () => {
      heard += 1;
      if (heard > 1) return;
      plain.putDirectly(direct);
      client.write(request);
    });
  });
  const { port } = others.address() as AddressInfo;
  const clients = Array.from({ length: POLLED_AGAIN }, () => connect(port, '127.0.0.1'));
  await eventually(() => accepted).toBe(POLLED_AGAIN);
  client.write(request);
  for (const other of clients) other.write('now');
  sleepSync(50);
  await eventually(() => heard).toBe(POLLED_AGAIN);
  await eventually(() => told + channel.counters().put * request.length).toBe(2 * request.length);
  expect(told).toBe(2 * request.length);
  for (const other of clients) other.destroy();
  others.close();
});

test('what the peer does not take waits, and so does what the peer sends', async () => {
  const [{ client, plain }] = (await pairsOf(1)) as [Pair];
  const events = record(plain);
  plain.resume();
  const large = Buffer.alloc(16 << 20, 'x');
  plain.write(large);
  await new Promise(setImmediate);
  client.write('ignored for now');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(events).toEqual([]);
  plain.write(Buffer.from('last'));
  plain.end();
  const received: Buffer[] = [];
  client.on('data', (piece: Buffer) => received.push(piece));
  await once(client, 'end');
  expect(Buffer.concat(received).equals(Buffer.concat([large, Buffer.from('last')]))).toBe(true);
  await eventually(() => events).toEqual(['ignored for now']);
});

test('a connection that Node has closed already is not taken', () => {
  expect(PlainSocket.over(new Socket())).toBeUndefined();
});

test('a worker that is terminated leaves no connection and no descriptor behind', async () => {
  const before = sockets();
  for (let life = 0; life < 10; life += 1) {
    const worker = new Worker(new URL('../server/serving.test.fixture.js', import.meta.url));
    const [port] = (await once(worker, 'message')) as [number];
    const clients = Array.from({ length: 50 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    for (const client of clients) client.write(Buffer.alloc(100 * life));
    const closed = clients.map((client) => new Promise((resolve) => client.resume().once('close', resolve)));
    await worker.terminate();
    await Promise.all(closed);
  }
  // What was still closing when it began does not count.
  await eventually(sockets).toBeLessThanOrEqual(before);
});
