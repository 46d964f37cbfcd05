import { constants, deflateSync } from 'node:zlib';
import { eventually, LineClient, type RunningAgent, runAgent } from '@millrace/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { complaints, flow, MIB, memoryBound, pause, peakDuring } from '../faults/agent.ts';
import { append, connectAvro, eventsOf, handshake, message, read, talk } from '../wire/avro.ts';

/** What clients can make an agent keep in memory. Each test has an agent of its own, because memory that was used is not given back at once. */

let agent: RunningAgent;
let idleBytes: number;

beforeEach(async () => {
  agent = await runAgent(flow('avro', { channel: 'capacity = 10000\n transactionCapacity = 1000' }));
  expect(await isWell()).toBe(true);
  idleBytes = agent.rssBytes();
});

afterEach(async () => {
  expect(await isWell()).toBe(true);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);
});

const [event] = eventsOf('Are you there?');
const first = message(1, append(event!, handshake()));
const later = message(2, append(event!));

async function isWell(): Promise<boolean> {
  const [answer] = await talk(agent.port('r1'), [append(event!)]);
  return answer === 'OK' && agent.process.exitCode === null;
}

test('halves of large requests fill what the source may use and no more; the room is shared, and all are answered once they are whole', async () => {
  const body = Buffer.alloc(6 * MIB, 'x');
  const request = message(1, append({ headers: {}, body }, handshake()));
  const half = request.length / 2;
  const replies: Promise<unknown>[] = [];
  const peak = await peakDuring(agent, async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectAvro(agent.port('r1'))));
    for (const client of clients) void client.write(request.subarray(0, half));
    await pause(500);
    for (const client of clients) {
      void client.write(request.subarray(half));
      replies.push(client.next().then((reply) => reply && read(reply, { handshakes: true }).result));
    }
    await Promise.all(replies);
    await Promise.all(clients.map((client) => client.close()));
  });
  expect(new Set(await Promise.all(replies))).toEqual(new Set(['OK']));
  expect(peak).toBeLessThan(memoryBound(idleBytes));
});

test('a request that says it will be large costs nobody anything until it is', async () => {
  const head = message(1, append({ headers: {}, body: Buffer.alloc(7 * MIB) }, handshake())).subarray(0, 200);
  const liars = await Promise.all(Array.from({ length: 1_000 }, () => connectAvro(agent.port('r1'))));
  const peak = await peakDuring(agent, async () => {
    for (const client of liars) await client.write(head);
    expect(await isWell()).toBe(true);
  });
  expect(peak).toBeLessThan(idleBytes + 32 * MIB);
  for (const client of liars) client.socket.destroy();
});

test('a client that sends and never reads its answers is not read on', async () => {
  const client = await connectAvro(agent.port('r1'));
  await client.ask(first);
  const requests = Buffer.concat(Array(10_000).fill(later));
  // What the agent uses for so many requests that are answered is no concern of this test.
  await client.write(requests);
  for (let answer = 0; answer < 10_000; answer += 1) await client.next();
  const busyBytes = agent.rssBytes();
  client.socket.pause();
  let sent = 0;
  const peak = await peakDuring(agent, async () => {
    for (let blocked = false; !blocked; sent += 1) {
      expect(sent, 'requests that were read without an answer being').toBeLessThan(200);
      blocked = await Promise.race([client.write(requests).then(() => false), pause(1_000).then(() => true)]);
    }
  });
  expect(peak).toBeLessThan(memoryBound(busyBytes));
  // Nor does it keep the agent from stopping, as the end of this file shows.
});

test('what a client has compressed is read no faster than it may be kept', async () => {
  await using compressed = await runAgent(flow('avro', { source: 'compression-type = deflate' }));
  const idleBytes = compressed.rssBytes();
  const body = Buffer.alloc(7 * MIB);
  const CLIENTS = 50;
  // Seven megabytes of nothing are some kilobytes on the wire, and all of them are there at once.
  const request = deflateSync(message(1, append({ headers: {}, body }, handshake())), {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  expect(request.length).toBeLessThan(20_000);
  const peak = await peakDuring(compressed, async () => {
    const answers = Array.from({ length: CLIENTS }, async () => {
      const client = await LineClient.connect(compressed.port('r1'));
      await client.write(request);
      await eventually(() => client.received().length).toBeGreaterThan(0);
      client.socket.destroy();
    });
    await Promise.all(answers);
  });
  // Besides, zlib keeps tables of a third of a megabyte for each connection.
  expect(peak).toBeLessThan(memoryBound(idleBytes) + (CLIENTS * MIB) / 3);
});
