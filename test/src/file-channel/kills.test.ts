import { join } from 'node:path';
import { type RunningAgent, runAgent } from '@millrace/testkit';
import { test } from 'vitest';
import { complaints, pause } from '../faults/agent.ts';
import { deliveredTo, fileFlow, fileRoll, scratchDirectory } from './agent.ts';
import { Feeder } from './feeder.ts';

/** How many times as much as usual is tried. */
const SOAK = Number(process.env['MILLRACE_SOAK'] ?? 1);
const KILLS = 16 * SOAK;
const CONNECTIONS = 4;

interface Series {
  readonly name: string;
  readonly channel: (directory: string) => string;
  readonly sink?: string;
}

/** In all of them segments are changed, used again and removed many times in a life. */
const series: readonly Series[] = [
  { name: 'small segments', channel: () => 'maxFileSize = 65536' },
  {
    name: 'two data directories',
    channel: (directory) => {
      const data = `${join(directory, 'data1')}, ${join(directory, 'data2')}`;
      return `maxFileSize = 262144\n bufferSize = 1048576\n dataDirs = ${data}`;
    },
    sink: 'sink.batchSize = 20',
  },
  { name: 'no sync per transaction', channel: () => 'maxFileSize = 1048576\n fsyncPerTransaction = false' },
  {
    name: 'a backlog larger than the buffer',
    channel: () => 'maxFileSize = 1048576\n bufferSize = 1048576',
    sink: 'sink.batchSize = 5',
  },
];

test.concurrent.for(series)(
  'what was answered with OK survives kill -9 at any moment, in order, and nothing else turns up: $name',
  { timeout: 120_000 * SOAK },
  async ({ name, channel, sink = '' }, { expect }) => {
    using scratch = scratchDirectory();
    const directory = scratch.path;
    const source = 'max-line-length = 100000';
    const flow = (sink: string) =>
      fileFlow(directory, { source, channel: channel(directory), sink: fileRoll(directory, sink) });
    const feeders: Feeder[] = [];

    for (let life = 0; life < KILLS; life += 1) {
      if (life % 4 === 3) await killWhileItStarts(flow(sink));
      await using agent = await runAgent(flow(sink));
      const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => Feeder.connect(agent.port('r1'))));
      feeders.push(...clients);
      const feeding = clients.map((client, number) => client.feed(linesOf(`${life}.${number}`)));
      await pause(100 + Math.random() * 300);
      await agent.stop('SIGKILL');
      await Promise.all(feeding);
      expect(complaints(agent)).toEqual([]);
    }
    await using agent = await runAgent(flow('sink.batchSize = 1000'));
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(complaints(agent)).toEqual([]);

    const delivered = deliveredTo(directory);
    const once = new Set(delivered);
    const sent = new Set(feeders.flatMap((feeder) => feeder.sent));
    const accepted = feeders.flatMap((feeder) => feeder.accepted);
    console.info(
      `${name}: ${KILLS} kills, ${accepted.length} lines answered with OK, ${once.size} delivered, ${delivered.length - once.size} of them again; ${waiting(agent)} at the end`,
    );
    expect(accepted.filter((line) => !once.has(line)).map(idOf)).toEqual([]);
    expect([...once.difference(sent)].map(idOf)).toEqual([]);
    expect(accepted.length).toBeGreaterThan(KILLS * CONNECTIONS);
    const places = new Map(Array.from(once, (line, place) => [line, place]));
    for (const feeder of feeders) {
      const inOrder = feeder.sent.flatMap((line) => places.get(line) ?? []);
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }
  },
);

/** Kills an agent some time after its process began, and most likely while its channel opens. */
async function killWhileItStarts(configuration: string): Promise<void> {
  const startTimeoutMs = 100 + Math.random() * 300;
  await using _agent: RunningAgent | undefined = await runAgent(configuration, { startTimeoutMs }).catch(
    () => undefined,
  );
}

/** How many events an agent found in its channel. */
const waiting = ({ log }: RunningAgent) => log.find(({ msg }) => msg.startsWith('Goes on with'))?.['events'] ?? 0;

/** What a failure shows of a line. */
const idOf = (line: string) => line.slice(0, 40);

/** Lines that are all different: mostly short, a few larger than a segment may be. */
function linesOf(name: string): () => string {
  let number = 0;
  return () => {
    number += 1;
    const length = Math.random() < 1 / 500 ? 90_000 : Math.random() * 300;
    return `${name}.${number} ${'x'.repeat(length)}`;
  };
}
