import { join } from 'node:path';
import { runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { MIB } from '../faults/agent.ts';
import { deliveredTo, fileChannel, fileRoll, netcat, scratchDirectory, under } from './agent.ts';
import { Feeder, feedUntilRefused } from './feeder.ts';
import { SmallDisk } from './small-disk.ts';

const missing = SmallDisk.missing();
if (missing !== undefined) console.warn(`No full disk was tried. ${missing}`);

test.skipIf(missing !== undefined).for(['file', 'memory'])(
  'a source of a file channel on a full disk and a %s channel: a line that was answered with OK is in both, one that was refused in none',
  async (type) => {
    using scratch = scratchDirectory();
    using disk = new SmallDisk(join(scratch.path, 'disk'), 4 * MIB);
    const [full, other] = [join(scratch.path, 'full'), join(scratch.path, 'other')];
    const flow = (sinks: string) => `
a1.sources = r1
a1.channels = c1 c2
a1.sinks = ${sinks}
a1.sources.r1.channels = c1 c2
${netcat('r1')}
${fileChannel('c1', disk.path, `maxFileSize = 262144\n minimumRequiredSpace = ${MIB}`)}
${type === 'file' ? fileChannel('c2', other) : under('a1.channels.c2', 'type = memory\n capacity = 10000')}
${under('a1.sinks.k1', `channel = c1\n ${fileRoll(full)}`)}
${under('a1.sinks.k2', `channel = c2\n ${fileRoll(other)}`)}
`;
    const feeders: Feeder[] = [];
    {
      await using agent = await runAgent(flow('k2'));
      for (let client = 0; client < 4; client += 1) feeders.push(await Feeder.connect(agent.port('r1')));
      const refusals = await Promise.all(feeders.map(feedUntilRefused));
      for (const refusal of refusals)
        expect(refusal).toMatch(`FAILED: cannot make a segment in ${join(disk.path, 'data')}`);
      expect(await agent.stop()).toEqual({ code: 0, signal: null });
    }
    await using agent = await runAgent(flow('k1 k2'));
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    const accepted = new Set(feeders.flatMap((feeder) => feeder.accepted));
    expect(accepted.size).toBeGreaterThan(1_000);
    for (const directory of [full, other]) {
      const delivered = deliveredTo(directory);
      expect([...accepted.symmetricDifference(new Set(delivered))]).toEqual([]);
      expect(delivered).toHaveLength(accepted.size);
    }
  },
);
