import { type RunningAgent, runAgent } from '@millrace/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, flow, memoryBound, pause, peakDuring } from '../faults/agent.ts';
import { append, appendBatch, connectAvro, eventsOf, handshake, message, read, talk } from '../wire/avro.ts';

let agent: RunningAgent;
let idleBytes: number;

beforeAll(async () => {
  agent = await runAgent(flow('avro', { channel: 'capacity = 10000\n transactionCapacity = 1000' }));
  expect(await isWell(agent)).toBe(true);
  idleBytes = agent.rssBytes();
}, 30_000);

afterAll(async () => {
  expect(await isWell(agent)).toBe(true);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);
});

const [event] = eventsOf('Are you there?');
const first = message(1, append(event!, handshake()));
const later = message(2, append(event!));

async function isWell(agent: RunningAgent): Promise<boolean> {
  const [answer] = await talk(agent.port('r1'), [append(event!)]);
  return answer === 'OK' && agent.process.exitCode === null;
}

test('five thousand clients that stay are all answered, again and again, and cost little', async () => {
  const clients: Awaited<ReturnType<typeof connectAvro>>[] = [];
  const answers = { OK: 0, others: 0 };
  const ask = async (client: (typeof clients)[number], request: Buffer, handshakes: boolean) => {
    const reply = await client.ask(request);
    const { result } = reply === undefined ? {} : read(reply, { handshakes });
    answers[result === 'OK' ? 'OK' : 'others'] += 1;
  };
  const peak = await peakDuring(agent, async () => {
    for (let number = 0; number < 5_000; number += 1) clients.push(await connectAvro(agent.port('r1')));
    await Promise.all(clients.map((client) => ask(client, first, true)));
    await Promise.all(clients.map((client) => ask(client, later, false)));
  });
  expect(answers).toEqual({ OK: 10_000, others: 0 });
  expect(peak).toBeLessThan(memoryBound(idleBytes));
  await Promise.all(clients.map((client) => client.close()));
});

test('clients that come a byte at a time are answered at last, and keep nobody waiting', async () => {
  const request = message(1, appendBatch(eventsOf('slow', 'as', 'can be'), handshake()));
  const slow = Array.from({ length: 200 }, async () => {
    const client = await connectAvro(agent.port('r1'));
    for (const byte of request) {
      await client.write(Buffer.of(byte));
      await pause(5);
    }
    const reply = await client.next();
    await client.close();
    return read(reply!, { handshakes: true }).result;
  });
  const done = Promise.all(slow);
  const waitedMs: number[] = [];
  while (await Promise.race([done.then(() => false), pause(20).then(() => true)])) {
    const began = performance.now();
    expect(await isWell(agent)).toBe(true);
    waitedMs.push(performance.now() - began);
  }
  expect(new Set(await done)).toEqual(new Set(['OK']));
  expect(waitedMs.sort((a, b) => a - b).at(waitedMs.length / 2)).toBeLessThan(1_000);
});

test('clients that go in the middle of a request, of an answer, or at once, leave nothing behind', async () => {
  await Promise.all(
    Array.from({ length: 300 }, async (_, number) => {
      const client = await connectAvro(agent.port('r1'));
      if (number % 3 === 0) await client.write(first.subarray(0, -1));
      if (number % 3 === 1) await client.write(Buffer.concat([first, ...Array(1_000).fill(later)]));
      client.socket.resetAndDestroy();
      await client.closed;
    }),
  );
  expect(await isWell(agent)).toBe(true);
});

test('when there are more clients than the system lets the agent have, those who are there are served on', async () => {
  await using small = await runAgent(flow('avro'), { openFilesMax: 256 });
  const early = await connectAvro(small.port('r1'));
  expect(read((await early.ask(first))!, { handshakes: true }).result).toBe('OK');
  const crowd = await Promise.all(
    Array.from({ length: 400 }, () => connectAvro(small.port('r1')).catch(() => undefined)),
  );
  expect(read((await early.ask(later))!, { handshakes: false }).result).toBe('OK');
  for (const client of crowd) client?.socket.destroy();
  await Promise.all(crowd.map((client) => client?.closed));
  expect(await isWell(small)).toBe(true);
  await early.close();
  expect(await small.stop()).toEqual({ code: 0, signal: null });
});
