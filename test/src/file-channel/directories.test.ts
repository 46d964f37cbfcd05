import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type RunningAgent, runAgent } from '@millrace/testkit';
import { test } from 'vitest';
import { pause } from '../faults/agent.ts';
import {
  deliveredTo,
  fileChannel,
  fileFlow,
  fileRoll,
  netcat,
  scratchDirectory,
  under,
  withoutSinks,
} from './agent.ts';
import { Feeder } from './feeder.ts';

/** Longer than a channel that could not be opened waits until it is tried again. */
const TRIED_AGAIN_MS = 3_500;

/** What went wrong in a component, once for each time it was said. */
function failures({ log }: RunningAgent, component: string): string[] {
  const lines = log.filter((line) => line.component === component && line.level === 'error');
  return lines.map(({ error }) => (error as Error).message);
}

test.concurrent('a channel whose directory cannot be made says which and why, once, and is tried again; other flows run meanwhile', async ({
  expect,
}) => {
  using scratch = scratchDirectory();
  const [bad, good] = [join(scratch.path, 'bad'), join(scratch.path, 'good')];
  const out = join(scratch.path, 'out');
  writeFileSync(bad, 'This is a file.');
  await using agent = await runAgent(
    `
a1.sources = r1 r2
a1.channels = c1 c2
a1.sinks = k1 k2
a1.sources.r1.channels = c1
a1.sources.r2.channels = c2
${netcat('r1')}
${netcat('r2')}
${fileChannel('c1', bad)}
${fileChannel('c2', good)}
${under('a1.sinks.k1', `channel = c1\n ${fileRoll(out)}`)}
${under('a1.sinks.k2', `channel = c2\n ${fileRoll(good)}`)}
`,
    { waitFor: ['r2', 'k2'] },
  );
  const neighbour = await Feeder.connect(agent.port('r2'));
  expect(await neighbour.ask('here')).toBe('OK');
  await pause(TRIED_AGAIN_MS);
  expect(failures(agent, 'a1.channels.c1')).toEqual([
    expect.stringContaining(`cannot open ${join(bad, 'data')}: ${bad} is not a directory`),
  ]);
  expect(failures(agent, 'a1.sources.r1')).toHaveLength(1);

  rmSync(bad);
  await eventually(() => agent.port('r1'), expect).toBeGreaterThan(0);
  const feeder = await Feeder.connect(agent.port('r1'));
  expect(await feeder.ask('there')).toBe('OK');
  await eventually(() => deliveredTo(out), expect).toEqual(['there']);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(deliveredTo(good)).toEqual(['here']);
});

test.concurrent('a second agent on the same directories says who has them, and takes over what the first leaves when that stops', async ({
  expect,
}) => {
  using scratch = scratchDirectory();
  const flow = fileFlow(scratch.path);
  await using first = await runAgent(withoutSinks(flow));
  const feeder = await Feeder.connect(first.port('r1'));
  expect(await feeder.ask('left')).toBe('OK');
  await using second = await runAgent(flow, { waitFor: [] });
  await pause(TRIED_AGAIN_MS);
  const lock = join(scratch.path, 'data', 'in_use.lock');
  expect(failures(second, 'a1.channels.c1')).toEqual([
    expect.stringContaining(`${lock} is locked by process ${first.process.pid} since `),
  ]);
  expect(await feeder.ask('right')).toBe('OK');
  await first.stop();
  await eventually(() => deliveredTo(scratch.path), expect).toEqual(['left', 'right']);
  expect(await second.stop()).toEqual({ code: 0, signal: null });
});
