import { join } from 'node:path';
import { eventually, loggedBodies, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { complaints, MIB, pause } from '../faults/agent.ts';
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
import { Feeder, feedUntilRefused } from './feeder.ts';
import { SmallDisk } from './small-disk.ts';

const missing = SmallDisk.missing();
if (missing !== undefined) console.warn(`No full disk was tried. ${missing}`);

const REFUSES = 'error: a1.channels.c1: This directory takes no puts until that is over; it tries again by itself.';

test.skipIf(missing !== undefined)(
  'on a full disk puts are refused with the figures and takes go on; puts resume by themselves when events have left, and another flow notices nothing',
  { timeout: 60_000 },
  async () => {
    using scratch = scratchDirectory();
    using disk = new SmallDisk(join(scratch.path, 'disk'), 8 * MIB);
    await using agent = await runAgent(
      `
a1.sources = r1 r2
a1.channels = c1 c2
a1.sinks = k1 k2
a1.sources.r1.channels = c1
a1.sources.r2.channels = c2
${netcat('r1')}
${netcat('r2')}
${fileChannel('c1', disk.path, `maxFileSize = 262144\n minimumRequiredSpace = ${2 * MIB}`)}
${fileChannel('c2', scratch.path)}
${under('a1.sinks.k1', 'type = logger\n channel = c1')}
${under('a1.sinks.k2', `channel = c2\n ${fileRoll(scratch.path)}`)}
`,
      { output: 'unread' },
    );
    const feeder = await Feeder.connect(agent.port('r1'));
    const neighbour = await Feeder.connect(agent.port('r2'));
    const data = join(disk.path, 'data');
    expect(await feedUntilRefused(feeder)).toMatch(
      new RegExp(
        `^FAILED: cannot make a segment in ${data}: \\d+ bytes are free, and .* must leave ${2 * MIB} of them`,
      ),
    );
    expect(disk.freeBytes()).toBeGreaterThanOrEqual(2 * MIB);
    expect(disk.freeBytes()).toBeLessThan(2 * MIB + 262_144);
    expect(await neighbour.ask('still here')).toBe('OK');
    // It is tried again every second, and said once.
    await pause(2_500);
    expect(complaints(agent)).toEqual([REFUSES]);

    agent.readOutput();
    await eventually(() => feeder.ask('there is room')).toBe('OK');
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(loggedBodies(agent.output)).toEqual(feeder.accepted.map((line) => line.slice(0, 16)));
    expect(complaints(agent)).toEqual([REFUSES]);
    expect(deliveredTo(scratch.path)).toEqual(['still here']);
  },
);

test.skipIf(missing !== undefined)(
  'an agent that is killed on a full disk delivers from it all the same; puts resume by themselves when there is space again',
  async () => {
    using scratch = scratchDirectory();
    using disk = new SmallDisk(join(scratch.path, 'disk'), 8 * MIB);
    const flow = fileFlow(disk.path, {
      channel: `maxFileSize = 262144\n minimumRequiredSpace = ${MIB}`,
      sink: fileRoll(scratch.path, 'sink.batchSize = 1000'),
    });
    disk.occupy(4 * MIB);
    const accepted: string[] = [];
    {
      await using agent = await runAgent(withoutSinks(flow));
      const feeder = await Feeder.connect(agent.port('r1'));
      await feedUntilRefused(feeder);
      await eventually(() => complaints(agent)).toContain(REFUSES);
      disk.vacate();
      await eventually(() => feeder.ask('there is space')).toBe('OK');
      await eventually(() => agent.log.at(-1)?.msg).toBe('All directories take puts again.');
      disk.occupy(4 * MIB);
      await feedUntilRefused(feeder);
      disk.occupy();
      await agent.stop('SIGKILL');
      accepted.push(...feeder.accepted);
    }
    expect(disk.freeBytes()).toBe(0);
    await using agent = await runAgent(flow);
    const delivered = () => deliveredTo(scratch.path);
    await eventually(() => delivered().length).toBeGreaterThanOrEqual(accepted.length);
    const feeder = await Feeder.connect(agent.port('r1'));
    await eventually(() => feeder.ask('segments are used again')).toBe('OK');
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    const there = new Set(delivered());
    expect([...accepted, 'segments are used again'].filter((line) => !there.has(line))).toEqual([]);
  },
);
