import { LineClient, type RunningAgent, runAgent } from '@millrace/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, isWell, memoryBound, netcatFlow, pause, peakDuring } from './agent.ts';

let agent: RunningAgent;
let idleBytes: number;

beforeAll(async () => {
  const flow = netcatFlow({ channel: 'capacity = 10000\n transactionCapacity = 1000' });
  agent = await runAgent(flow, { openFilesMax: 4_096 });
  expect(await isWell(agent)).toBe(true);
  idleBytes = agent.rssBytes();
}, 30_000);

afterAll(async () => {
  expect(await isWell(agent)).toBe(true);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);
});

const connect = () => LineClient.connect(agent.port('r1'));

test('two thousand idle connections, each in the middle of a line, cost little and can all go on', async () => {
  const clients: LineClient[] = [];
  const peak = await peakDuring(agent, async () => {
    for (let number = 0; number < 2_000; number += 1) {
      const client = await connect();
      await client.write('a line that is not yet at its end'.repeat(10));
      clients.push(client);
    }
    expect(await isWell(agent)).toBe(true);
  });
  expect(peak).toBeLessThan(memoryBound(idleBytes));

  const answers = await Promise.all(
    clients.map(async (client) => {
      await client.write('\n');
      return client.lines(1);
    }),
  );
  expect(answers.filter(([answer]) => answer === 'OK')).toHaveLength(2_000);
  await Promise.all(clients.map((client) => client.close()));
});

test('thousands of connections come and go as fast as they can, and every one is answered', async () => {
  const connections = 5_000;
  const answers = { OK: 0, others: 0 };
  const peak = await peakDuring(agent, async () => {
    let left = connections;
    const visit = async () => {
      while (left > 0) {
        left -= 1;
        const client = await connect();
        client.socket.end('one line\n');
        const [answer] = await client.lines(1);
        answers[answer === 'OK' ? 'OK' : 'others'] += 1;
        await client.closed;
      }
    };
    await Promise.all(Array.from({ length: 50 }, visit));
  });
  expect(answers).toEqual({ OK: connections, others: 0 });
  expect(peak).toBeLessThan(memoryBound(idleBytes));
});

test('connections that are reset in the middle of a line, of an answer, or at once, leave nothing behind', async () => {
  await Promise.all(
    Array.from({ length: 300 }, async (_, number) => {
      const client = await connect();
      if (number % 3 === 0) await client.write('half a li');
      if (number % 3 === 1) await client.write('\n'.repeat(10_000));
      await client.reset();
    }),
  );
  expect(await isWell(agent)).toBe(true);
});

test('clients that end their side first get all their answers', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const client = await connect();
      client.socket.end('one\ntwo\nthree\nno end');
      await client.closed;
      return client.received().toString();
    }),
  );
  expect(new Set(answers)).toEqual(new Set(['OK\nOK\nOK\n']));
});

test('a client that sends and never reads its answers is not read on, and costs no more memory than others', async () => {
  const client = await connect();
  client.socket.pause();
  let sent = 0;
  const peak = await peakDuring(agent, async () => {
    const lines = '\n'.repeat(1_000_000);
    for (let blocked = false; !blocked; sent += 1) {
      expect(sent, 'megabytes that were read without an answer being').toBeLessThan(100);
      blocked = await Promise.race([client.write(lines).then(() => false), pause(1_000).then(() => true)]);
    }
  });
  expect(peak).toBeLessThan(memoryBound(idleBytes));
  expect(await isWell(agent)).toBe(true);
  // Nor does it keep the agent from stopping, as the end of this file shows.
});
