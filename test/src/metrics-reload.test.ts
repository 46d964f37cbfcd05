import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { scratchDirectory } from './file-channel/agent.ts';

/** `seq` into a memory channel for each of these sinks, which write files. */
function configuration(directory: string, sinks: readonly string[]): string {
  const channels = sinks.map((sink) => `c-${sink}`);
  return [
    `a1.sources = r1\na1.channels = ${channels.join(' ')}\na1.sinks = ${sinks.join(' ')}`,
    `a1.sources.r1.type = seq\na1.sources.r1.totalEvents = 5\na1.sources.r1.channels = ${channels.join(' ')}`,
    ...sinks.map((sink) => {
      const out = join(directory, sink);
      mkdirSync(out, { recursive: true });
      return [
        `a1.channels.c-${sink}.type = memory`,
        `a1.sinks.${sink}.type = file_roll\na1.sinks.${sink}.channel = c-${sink}`,
        `a1.sinks.${sink}.sink.directory = ${out}\na1.sinks.${sink}.sink.rollInterval = 0`,
      ].join('\n');
    }),
    '',
  ].join('\n');
}

test('what a reload takes away stays in the metrics with its last figures, what it restarts begins anew, and the rest goes on', async () => {
  using scratch = scratchDirectory();
  const file = join(scratch.path, 'a1.conf');
  writeFileSync(file, configuration(scratch.path, ['stays', 'goes']));
  await using agent = await runAgent(file, { args: ['-Dflume.monitoring.type=http', '-Dflume.monitoring.port=0'] });
  const { port } = agent.log.find(({ msg }) => msg.startsWith('Metrics are at')) as unknown as { port: number };
  const entries = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return (await response.json()) as Record<string, Record<string, string>>;
  };
  const delivered = async (sink: string) => (await entries())[`SINK.${sink}`]!['EventDrainSuccessCount'];
  await eventually(() => Promise.all([delivered('stays'), delivered('goes')])).toEqual(['5', '5']);
  const before = await entries();

  writeFileSync(file, configuration(scratch.path, ['stays']));
  agent.process.kill('SIGHUP');
  await eventually(async () => (await entries())['SINK.goes']!['StopTime']).not.toBe('0');
  await eventually(() => delivered('stays')).toBe('10');

  const after = await entries();
  expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
  expect(after['SINK.goes']).toEqual({
    ...before['SINK.goes'],
    ConnectionClosedCount: '1',
    StopTime: expect.stringMatching(/^\d{13}$/),
  });
  expect(after['CHANNEL.c-goes']).toEqual({ ...before['CHANNEL.c-goes'], StopTime: expect.stringMatching(/^\d{13}$/) });
  expect(after['SINK.stays']).toMatchObject({ StartTime: before['SINK.stays']!['StartTime'] });
  // Its channels have changed, so it was started again, and counts from 0.
  expect(after['SOURCE.r1']).toMatchObject({ EventAcceptedCount: '5', StopTime: '0' });
  expect(Number(after['SOURCE.r1']!['StartTime'])).toBeGreaterThan(Number(before['SOURCE.r1']!['StartTime']));
});
