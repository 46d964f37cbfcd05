import { eventually, LineClient, loggedBodies, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { complaints, netcatFlow, pause } from './faults/agent.ts';

test('SIGTERM in full flow: everything that was answered with OK is delivered, once and in order, and the exit code is 0', async () => {
  const channel = 'capacity = 10000\n transactionCapacity = 1000\n keep-alive = 60';
  await using agent = await runAgent(netcatFlow({ channel, sink: 'type = logger' }));
  const clients = await Promise.all(Array.from({ length: 10 }, () => LineClient.connect(agent.port('r1'))));
  const sending = clients.map(async (client, number) => {
    for (let line = 0; !client.socket.destroyed; line += 50) {
      const lines = Array.from({ length: 50 }, (_, at) => `client ${number} ${String(line + at).padStart(6, '0')}\n`);
      await client.write(lines.join(''));
    }
  });
  await eventually(() => clients[0]!.received().length).toBeGreaterThan(10_000);
  const end = await agent.stop('SIGTERM');
  await Promise.all([...sending, ...clients.map(({ closed }) => closed)]);
  expect(end).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);

  const delivered = loggedBodies(agent.output);
  let accepted = 0;
  for (const [number, client] of clients.entries()) {
    // The answers come in the order of the lines; those to the last lines may be lost with the connection.
    const answers = client.received().toString().split('\n').slice(0, -1);
    const mine = delivered.filter((body) => body.startsWith(`client ${number} `)).map((body) => Number(body.slice(-6)));
    const confirmed = answers.flatMap((answer, line) => (answer === 'OK' ? [line] : []));
    expect(mine.filter((line) => line < answers.length)).toEqual(confirmed);
    expect(mine).toEqual([...new Set(mine)].sort((a, b) => a - b));
    // Only the stop makes one fail, and only where there is no room.
    const failures = new Set(answers.filter((answer) => answer !== 'OK'));
    for (const failure of failures) expect(failure).toMatch(/^FAILED: The agent is stopping/);
    accepted += confirmed.length;
  }
  expect(accepted).toBeGreaterThan(1_000);
});

test('SIGINT while nothing happens ends at once with 0', async () => {
  await using agent = await runAgent(netcatFlow());
  const client = await LineClient.connect(agent.port('r1'));
  const began = performance.now();
  expect(await agent.stop('SIGINT')).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(10_000);
  await client.closed;
});

test('a sink that cannot deliver is given time, and then the agent ends all the same', async () => {
  const flow = netcatFlow({ channel: 'capacity = 10000\n transactionCapacity = 1000', sink: 'type = logger' });
  await using agent = await runAgent(flow, { output: 'unread' });
  const client = await LineClient.connect(agent.port('r1'));
  await client.write(`${'x'.repeat(100)}\n`.repeat(5_000));
  expect(await client.lines(5_000)).toHaveLength(5_000);
  const ending = agent.stop();
  await pause(500);
  // Whoever watches the agent finally reads what it writes.
  agent.readOutput();
  expect(await ending).toEqual({ code: 0, signal: null });
  expect(loggedBodies(agent.output)).toHaveLength(5_000);
});
