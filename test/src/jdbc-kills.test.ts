import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { eventually, LineClient, loggedBodies, type RunningAgent, runAgent } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { pause } from './faults/agent.ts';

const KILLS = 12;
const CLIENTS = 3;

const configuration = (channel: string) => `
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = netcat
a1.sources.r1.bind = 127.0.0.1
a1.sources.r1.port = 0
a1.sources.r1.channels = c1
a1.channels.c1.type = jdbc
${channel}
a1.sinks.k1.type = logger
a1.sinks.k1.channel = c1
`;

/** Sends lines that are never the same, and reads which of them were answered with OK, until the agent is gone. */
async function sendUntilKilled(agent: RunningAgent, name: string): Promise<string[]> {
  const client = await LineClient.connect(agent.port('r1'));
  const lines: string[] = [];
  while (!client.socket.destroyed && lines.length < 100_000) {
    const more = Array.from({ length: 20 }, (_, at) => `${name} ${lines.length + at}`);
    lines.push(...more);
    await client.write(`${more.join('\n')}\n`);
    await pause(1);
  }
  await client.closed;
  const answers = client.received().toString().split('\n').slice(0, -1);
  return lines.filter((_, at) => answers[at] === 'OK');
}

test('an agent that is killed again and again while it puts and takes has lost nothing that it had accepted', async () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-jdbc-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const accepted: string[] = [];
  const delivered: string[] = [];
  const waiting: number[] = [];
  const file = join(home, '.flume/jdbc-channel/a1/c1/db.sqlite');

  for (let kill = 0; kill < KILLS; kill += 1) {
    await using agent = await runAgent(configuration(''), { environment: { HOME: home } });
    const sending = Array.from({ length: CLIENTS }, (_, number) => sendUntilKilled(agent, `${kill}.${number}`));
    await pause(30 + Math.random() * 400);
    expect(await agent.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    accepted.push(...(await Promise.all(sending)).flat());
    delivered.push(...loggedBodies(agent.output));

    // What is in the file now is all there is; anybody can read it.
    const reader = new DatabaseSync(file, { readOnly: true });
    const there = reader
      .prepare('SELECT body FROM events')
      .all()
      .map(({ body }) => body as string);
    reader.close();
    const known = new Set([...delivered, ...there]);
    expect(accepted.filter((line) => !known.has(line))).toEqual([]);
    waiting.push(there.length);
  }
  expect(accepted.length).toBeGreaterThan(KILLS * 100);
  expect(Math.max(...waiting)).toBeGreaterThan(0);

  await using last = await runAgent(configuration(''), { environment: { HOME: home } });
  const all = new Set(accepted);
  await eventually(() => all.difference(new Set([...delivered, ...loggedBodies(last.output)])).size).toBe(0);
  expect(await last.stop()).toEqual({ code: 0, signal: null });
}, 120_000);
