import { runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { complaints } from '../faults/agent.ts';
import { deliveredTo, fileFlow, fileRoll, scratchDirectory, withoutSinks } from './agent.ts';
import { Feeder } from './feeder.ts';

test('an ordered stop delivers a backlog that is larger than the buffer, once and in order', async () => {
  using scratch = scratchDirectory();
  const channel = 'maxFileSize = 1048576\n bufferSize = 1048576';
  const flow = fileFlow(scratch.path, { channel, sink: fileRoll(scratch.path, 'sink.batchSize = 1000') });
  const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line} ${'x'.repeat(300)}`);
  {
    await using agent = await runAgent(withoutSinks(flow));
    const feeder = await Feeder.connect(agent.port('r1'));
    let line = 0;
    await feeder.feed(() => lines[line++], 500);
    expect(feeder.accepted).toEqual(lines);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  }
  await using agent = await runAgent(flow);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);
  expect(deliveredTo(scratch.path)).toEqual(lines);
});
