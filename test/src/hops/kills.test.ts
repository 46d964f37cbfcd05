import { join } from 'node:path';
import { eventually, freePort, type RunningAgent, runAgent } from '@millrace/testkit';
import { test } from 'vitest';
import { pause } from '../faults/agent.ts';
import { deliveredTo, scratchDirectory } from '../file-channel/agent.ts';
import { Feeder } from '../file-channel/feeder.ts';
import { firstTier, lastTier, type Protocol } from './tier.ts';

/** How many times as much as usual is tried. */
const SOAK = Number(process.env['MILLRACE_SOAK'] ?? 1);
const KILLS = 8 * SOAK;
const CONNECTIONS = 2;

test.concurrent.for<Protocol>(['avro', 'thrift'])(
  'what the first agent has answered reaches the last one, though both are killed again and again: %s',
  { timeout: 120_000 * SOAK },
  async (type, { expect }) => {
    using scratch = scratchDirectory();
    const [near, far] = ['near', 'far'].map((name) => join(scratch.path, name)) as [string, string];
    const port = await freePort();
    const first = firstTier(near, type, port, 'batch-size = 50\n connect-timeout = 1000\n request-timeout = 2000');
    const last = lastTier(far, type, port);
    const feeders: Feeder[] = [];

    const feed = async (agent: RunningAgent, name: string) => {
      const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => Feeder.connect(agent.port('r1'))));
      feeders.push(...clients);
      return Promise.all(clients.map((client, number) => client.feed(linesOf(`${name}.${number}`))));
    };
    const kill = async (agent: RunningAgent) => {
      await pause(50 + Math.random() * 250);
      await agent.stop('SIGKILL');
    };

    for (let life = 0; life < KILLS; life += 1) {
      await using lower = await runAgent(last);
      await using upper = await runAgent(first);
      const feeding = feed(upper, String(life));
      // Whoever lives on meets a peer that went away in the middle of something.
      for (const agent of life % 2 === 0 ? [lower, upper] : [upper, lower]) await kill(agent);
      await feeding;
    }

    await using upper = await runAgent(first);
    const feeding = feed(upper, 'last');
    await pause(100);
    {
      await using lower = await runAgent(last);
      await eventually(
        () => upper.log.filter(({ level }) => level === 'warn' || level === 'error').length,
        expect,
      ).toBeGreaterThan(0);
      await lower.stop('SIGKILL');
    }
    await using lower = await runAgent(last);
    const drained = upper.stop();
    await feeding;
    expect(await drained).toEqual({ code: 0, signal: null });
    expect(await lower.stop()).toEqual({ code: 0, signal: null });

    const delivered = deliveredTo(far);
    const once = new Set(delivered);
    const sent = new Set(feeders.flatMap((feeder) => feeder.sent));
    const accepted = feeders.flatMap((feeder) => feeder.accepted);
    console.info(
      `${type}: ${KILLS} kills of each agent, ${accepted.length} lines answered with OK, ${once.size} delivered, ${delivered.length - once.size} of them again`,
    );
    expect(accepted.filter((line) => !once.has(line))).toEqual([]);
    expect([...once.difference(sent)]).toEqual([]);
    expect(accepted.length).toBeGreaterThan(KILLS * CONNECTIONS);
    const places = new Map(Array.from(once, (line, place) => [line, place]));
    for (const feeder of feeders) {
      const inOrder = feeder.sent.flatMap((line) => places.get(line) ?? []);
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }
  },
);

/** Lines that are all different. */
function linesOf(name: string): () => string {
  let number = 0;
  return () => {
    number += 1;
    return `${name}.${number} ${'x'.repeat(Math.random() * 300)}`;
  };
}
