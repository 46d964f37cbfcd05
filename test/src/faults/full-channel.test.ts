import { eventually, LineClient, loggedBodies, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { complaints, memoryBound, netcatFlow, pause, peakDuring } from './agent.ts';

const FULL =
  "FAILED: Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with sources, or the buffer size is too tight";

test('a full channel is told after the keep-alive; what was accepted is delivered once the sink can, and nothing else', async () => {
  const flow = netcatFlow({
    channel: 'capacity = 200\n transactionCapacity = 100\n keep-alive = 1',
    sink: 'type = logger',
  });
  // Nobody reads the sink's output, so the sink stands still as soon as the pipe is full.
  await using agent = await runAgent(flow, { output: 'unread' });
  const accepted: string[][] = await Promise.all(
    Array.from({ length: 8 }, async (_, number) => {
      const client = await LineClient.connect(agent.port('r1'));
      const mine: string[] = [];
      for (let line = 0; ; line += 1) {
        const body = `client ${number} ${String(line).padStart(5, '0')}`;
        const began = performance.now();
        await client.write(`${body}\n`);
        const [answer] = await client.lines(1);
        if (answer === 'OK') {
          mine.push(body);
          continue;
        }
        expect(answer).toBe(FULL);
        expect(performance.now() - began).toBeGreaterThan(950);
        await client.close();
        return mine;
      }
    }),
  );
  expect(accepted.flat().length).toBeGreaterThan(200);

  agent.readOutput();
  const client = await LineClient.connect(agent.port('r1'));
  await client.write('there is room\n');
  expect(await client.lines(1)).toEqual(['OK']);
  await client.close();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  const delivered = loggedBodies(agent.output);
  for (const [number, mine] of accepted.entries()) {
    expect(delivered.filter((body) => body.startsWith(`client ${number} `))).toEqual(mine);
  }
  expect(delivered).toHaveLength(accepted.flat().length + 1);
  expect(complaints(agent)).toEqual([]);
});

test('clients that flood a channel of which nobody takes cost no more memory than the design says', async () => {
  const flow = netcatFlow({
    channel: 'capacity = 1000000\n transactionCapacity = 10000\n keep-alive = 60',
    sink: 'type = logger',
  });
  await using agent = await runAgent(flow, { output: 'unread' });
  const idleBytes = agent.rssBytes();
  const clients = await Promise.all(Array.from({ length: 40 }, () => LineClient.connect(agent.port('r1'))));
  const lines = `${'x'.repeat(400)}\n`.repeat(10_000);
  const peak = await peakDuring(agent, async () => {
    for (const client of clients) client.socket.write(lines);
    // The channel is full when nobody is answered any more.
    let answered = -1;
    await eventually(async () => {
      const before = answered;
      await pause(300);
      answered = clients.reduce((sum, client) => sum + client.received().length, 0);
      return answered > 0 && answered === before;
    }).toBe(true);
  });
  expect(peak).toBeLessThan(memoryBound(idleBytes));
  for (const client of clients) client.socket.destroy();
});

test('what flows through as fast as it can costs no more memory than the design says', async () => {
  const flow = netcatFlow({ channel: 'capacity = 100000\n transactionCapacity = 1000' });
  await using agent = await runAgent(flow);
  const idleBytes = agent.rssBytes();
  const lines = `${'x'.repeat(400)}\n`.repeat(1_000);
  const peak = await peakDuring(agent, async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = await LineClient.connect(agent.port('r1'));
        for (let round = 0; round < 60; round += 1) await client.write(lines);
        expect(new Set(await client.lines(60_000))).toEqual(new Set(['OK']));
        await client.close();
      }),
    );
  });
  expect(peak).toBeLessThan(memoryBound(idleBytes));
  expect(complaints(agent)).toEqual([]);
});
