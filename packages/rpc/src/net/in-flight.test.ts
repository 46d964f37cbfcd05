import { once } from 'node:events';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { InFlight, type Reader } from './in-flight.ts';
import { listen } from './listen.ts';

const STALL_MS = 400;
const LIMIT_BYTES = 10_000;
const PROGRESS_BYTES = 100;

/** Reads lines, and keeps their bytes until it is told that they are answered. */
class Lines implements Reader {
  readonly socket: Socket;
  readonly #inFlight: InFlight;
  finished = 0;
  reason: string | undefined;
  keptBytes = 0;

  constructor(socket: Socket, inFlight: InFlight) {
    this.socket = socket;
    this.#inFlight = inFlight;
    inFlight.join(this);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      inFlight.began(this, data.length);
      const lines = data.toString().split('\n');
      if (lines.length > 1) this.#keep(0);
      this.finished += lines.length - 1;
      this.#keep(this.keptBytes + lines.at(-1)!.length);
      inFlight.ended(this, data.length, this.keptBytes > 0);
      if (!inFlight.mayRead(this)) this.pause();
    });
    socket.once('close', () => {
      this.#keep(0);
      inFlight.leave(this);
    });
    this.resume();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    if (this.#inFlight.mayRead(this)) this.socket.resume();
  }

  evict(reason: string): void {
    this.reason = reason;
    this.socket.destroy();
  }

  #keep(bytes: number): void {
    if (bytes > this.keptBytes) this.#inFlight.add(bytes - this.keptBytes);
    else this.#inFlight.remove(this.keptBytes - bytes);
    this.keptBytes = bytes;
  }
}

/** Clients of a listener whose connections share a limit; each client stands beside the reader of its connection. */
async function stage(count: number) {
  const inFlight = new InFlight(LIMIT_BYTES, { stallMs: STALL_MS, progressBytes: PROGRESS_BYTES });
  const readers: Lines[] = [];
  const server: Server = await listen({ host: '127.0.0.1', port: 0 }, (socket) => {
    readers.push(new Lines(socket, inFlight));
  });
  const clients: Socket[] = [];
  for (let at = 0; at < count; at += 1) {
    const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
    client.on('error', () => {});
    clients.push(client);
    await eventually(() => readers.length).toBe(at + 1);
  }
  return {
    readers,
    clients,
    /** Reaches the limit with what two of them begin. It is the second that may finish first, for it goes on. */
    async fill() {
      for (const [at, client] of clients.slice(0, 2).entries()) {
        client.write(half);
        await eventually(() => readers[at]!.keptBytes).toBe(half.length);
      }
      clients[1]!.write('x');
      await eventually(() => readers[1]!.keptBytes).toBe(half.length + 1);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of [...clients, ...readers.map((reader) => reader.socket)]) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const half = 'x'.repeat(6_000);

test('at the limit, who could go on and does not is ended, and in its room the others are read again', async () => {
  await using it = await stage(3);
  await it.fill();
  await eventually(() => it.readers[1]!.reason).toBeDefined();
  expect(it.readers[1]!.reason).toContain('for 0.4 s it has hardly gone on with what it had begun to send');
  // The first still holds more than half of what there may be, and that is no reason to let others wait.
  for (let line = 1; line < 10; line += 1) {
    it.clients[2]!.write('line\n');
    await eventually(() => it.readers[2]!.finished).toBe(line);
  }
  await pause(2 * STALL_MS);
  expect([it.readers[0]!.reason, it.readers[2]!.reason]).toEqual([undefined, undefined]);
});

test.for([
  ['who goes on fast enough stays', PROGRESS_BYTES, false],
  ['who goes on drop by drop is ended', 1, true],
] as const)('%s', async ([, bytes, ended]) => {
  await using it = await stage(2);
  await it.fill();
  for (let round = 0; round < 16; round += 1) {
    await pause(STALL_MS / 4);
    it.clients[1]!.write('x'.repeat(bytes));
  }
  expect(it.readers[1]!.reason !== undefined).toBe(ended);
});

test('who is not read because another one may finish first is not ended for that', async () => {
  await using it = await stage(2);
  await it.fill();
  await eventually(() => it.readers[1]!.reason).toBeDefined();
  expect(it.readers[0]!.reason).toBeUndefined();
  it.clients[0]!.write('\n');
  await eventually(() => it.readers[0]!.finished).toBe(1);
});

test('when one was ended, others that hold room as well are not waited for as long', async () => {
  await using it = await stage(5);
  await it.fill();
  for (const client of it.clients.slice(2)) client.write(half);
  const endedMs = it.readers.map(() => Number.POSITIVE_INFINITY);
  await eventually(() => {
    for (const [at, { reason }] of it.readers.entries()) {
      if (reason !== undefined) endedMs[at] = Math.min(endedMs[at]!, performance.now());
    }
    return endedMs.filter(Number.isFinite).length;
  }).toBeGreaterThan(3);
  const [first, ...next] = endedMs.filter(Number.isFinite).sort((a, b) => a - b);
  expect(next[2]! - first!).toBeLessThan(2 * STALL_MS);
});

test('below the limit, who has begun something may take as long as it likes', async () => {
  await using it = await stage(1);
  it.clients[0]!.write(half.slice(0, LIMIT_BYTES / 3));
  await pause(2 * STALL_MS);
  it.clients[0]!.write('\n');
  await eventually(() => it.readers[0]!.finished).toBe(1);
});

test('who has begun nothing stays at the limit too', async () => {
  await using it = await stage(3);
  await it.fill();
  await eventually(() => it.readers[1]!.reason).toBeDefined();
  expect(it.readers[2]!.reason).toBeUndefined();
});
