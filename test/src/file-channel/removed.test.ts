import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { complaints, pause } from '../faults/agent.ts';
import { deliveredTo, fileFlow, fileRoll, scratchDirectory, withoutSinks } from './agent.ts';
import { Feeder } from './feeder.ts';

const CONNECTIONS = 3;
/** What was on its way when a directory was removed is answered by then. */
const SETTLED_MS = 300;

/** Feeds an agent over several connections, and something happens in the midst of it. Returns the clients, and how many answers each had soon after. */
async function feedDuring(port: number, act: () => void): Promise<{ feeders: Feeder[]; answered: number[] }> {
  const feeders = await Promise.all(Array.from({ length: CONNECTIONS }, () => Feeder.connect(port)));
  let over = false;
  const next = (feeder: Feeder) => `${feeder.localPort} ${feeder.sent.length} ${Math.random()} ${'x'.repeat(200)}`;
  const feeding = feeders.map((feeder) => feeder.feed(() => (over ? undefined : next(feeder)), 10));
  await pause(300);
  act();
  await pause(SETTLED_MS);
  const answered = feeders.map(({ answers }) => answers.length);
  await pause(700);
  over = true;
  await Promise.all(feeding);
  return { feeders, answered };
}

const remove = (directory: string) => rmSync(directory, { recursive: true, maxRetries: 5 });
/** What the log says when a directory is removed. Whether something could not be done there before that was seen is a matter of luck. */
function reportOf(directory: string, said: readonly string[]) {
  const could = new RegExp(
    `cannot (sync|write to|(make|begin) a segment in) ${directory}: (the file of the log was removed|No such file)`,
  );
  const removal = expect.stringContaining(`${directory}: somebody has removed this directory or what was in it`);
  return said.length === 1 ? [removal] : [expect.stringMatching(could), removal];
}

test.concurrent.for([
  { names: ['data'] },
  { names: ['checkpoint'] },
  { names: ['data', 'checkpoint'] },
  { names: ['data'], more: 'fsyncPerTransaction = false' },
])(
  'a channel goes on when its directories are removed under load, and nothing that is answered with OK afterwards is lost by kill -9: $names $more',
  async ({ names, more = '' }, { expect }) => {
    using scratch = scratchDirectory();
    const data = join(scratch.path, 'data');
    const flow = fileFlow(scratch.path, { channel: `maxFileSize = 65536\n ${more}` });
    await using agent = await runAgent(withoutSinks(flow));
    const { feeders, answered } = await feedDuring(agent.port('r1'), () => {
      for (const name of names) remove(join(scratch.path, name));
    });
    await pause(1_000);
    await agent.stop('SIGKILL');
    for (const name of names) expect(readdirSync(join(scratch.path, name)).length).toBeGreaterThan(1);
    const said = complaints(agent);
    expect(said).toEqual(names.includes('data') ? reportOf(data, said) : []);

    await using second = await runAgent(flow);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    const delivered = new Set(deliveredTo(scratch.path));
    const lost = feeders.map((feeder) => feeder.accepted.filter((line) => !delivered.has(line)));
    const later = feeders.map(({ sent }, at) => new Set(sent.slice(answered[at])));
    expect(later.map((lines, at) => lost[at]!.filter((line) => lines.has(line)))).toEqual(feeders.map(() => []));
    const reports = names.includes('data')
      ? [expect.stringMatching(`before this segment are not there; ${lost.flat().length} events are lost`)]
      : [];
    expect(complaints(second)).toEqual(reports);
  },
);

test.concurrent('when one of two directories is removed, what was in it is still delivered as long as the agent runs', async ({
  expect,
}) => {
  using scratch = scratchDirectory();
  const [one, two] = [join(scratch.path, 'one'), join(scratch.path, 'two')];
  const flow = fileFlow(scratch.path, {
    channel: `maxFileSize = 262144\n bufferSize = 1048576\n dataDirs = ${one}, ${two}`,
    sink: fileRoll(scratch.path, 'sink.batchSize = 5'),
  });
  await using agent = await runAgent(flow);
  const { feeders } = await feedDuring(agent.port('r1'), () => remove(one));
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  const said = complaints(agent);
  expect(said).toEqual(reportOf(one, said));
  const delivered = new Set(deliveredTo(scratch.path));
  expect(feeders.flatMap(({ accepted }) => accepted).filter((line) => !delivered.has(line))).toEqual([]);
});
