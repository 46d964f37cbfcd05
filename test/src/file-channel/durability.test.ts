import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAgent } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { complaints } from '../faults/agent.ts';
import { deliveredTo, fileChannel, fileRoll, netcat, scratchDirectory, under } from './agent.ts';
import { judge, markedLine } from './durability.ts';
import { Feeder } from './feeder.ts';
import { straceMissing } from './strace.ts';
import { readTrace } from './trace.ts';

const missing = straceMissing();
if (missing !== undefined) console.warn(`Not seen under strace. ${missing}`);

const CLIENTS = 6;
const LINES = 200;

/** All calls with which files, names and sockets are written. */
const CALLS = 'pwritev,pwritev2,pwrite64,fdatasync,fsync,renameat,renameat2,write,writev,sendto,sendmsg';

test.skipIf(missing !== undefined)(
  'every OK is preceded by a sync of the segments that have its line in every channel, and every segment by one of its name',
  { timeout: 60_000 },
  async () => {
    using scratch = scratchDirectory();
    const [one, two] = [join(scratch.path, 'c1'), join(scratch.path, 'c2')];
    const trace = join(scratch.path, 'trace');
    const clients = await traced(
      trace,
      `
a1.sources = r1
a1.channels = c1 c2
a1.sinks = k1 k2
a1.sources.r1.channels = c1 c2
${netcat('r1')}
${fileChannel('c1', one, `maxFileSize = 65536\n dataDirs = ${join(one, 'data1')}, ${join(one, 'data2')}`)}
${fileChannel('c2', two, 'maxFileSize = 131072')}
${under('a1.sinks.k1', `channel = c1\n ${fileRoll(one)}`)}
${under('a1.sinks.k2', `channel = c2\n ${fileRoll(two)}`)}
`,
    );
    const sent = [...clients.values()].flat().toSorted();
    for (const channel of [one, two]) expect(deliveredTo(channel).toSorted()).toEqual(sent);

    const text = readFileSync(trace, 'utf8');
    const verdict = judge(readTrace(text), { channels: [one, two], clients });
    console.info(`${verdict.answered} answers and ${verdict.segments} segments in ${text.length} bytes of trace`);
    expect(verdict.problems).toEqual([]);
    expect(verdict.answered).toBe(sent.length);
    expect(verdict.segments).toBeGreaterThan(6);
    const unsynced = judge(readTrace(text.replaceAll(/^.*fdatasync.*\n/gm, '')), { channels: [one, two], clients });
    expect(unsynced.problems.length).toBeGreaterThan(2 * sent.length);
  },
);

/** Runs an agent under strace, feeds it over several connections at once, and stops it. Returns what was sent from which port. */
async function traced(file: string, configuration: string): Promise<Map<number, readonly string[]>> {
  const strace = ['strace', '-D', '-f', '-ttt', '-yy', '-s', '200000', '-o', file, '-e', `trace=${CALLS}`];
  await using agent = await runAgent(configuration, { under: strace });
  const feeders = await Promise.all(Array.from({ length: CLIENTS }, () => Feeder.connect(agent.port('r1'))));
  const feeding = feeders.map((feeder, client) => {
    let line = 0;
    return feeder.feed(() => (line < LINES ? markedLine(client, line++) : undefined), 1 + client);
  });
  await Promise.all(feeding);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);
  return new Map(feeders.map(({ localPort, sent }) => [localPort, sent]));
}

describe('a trace shows that', () => {
  const segment = '/d/0000000000000001.segment';
  const good = [
    '1 10.1 pwrite64(26</d/filling>, "\\0\\0\\0\\0", 65536, 0) = 65536',
    '1 10.2 fdatasync(26</d/filling>) = 0',
    '1 10.3 renameat(21</d>, "filling", 21</d>, "0000000000000001.segment") = 0',
    '1 10.4 fsync(21</d>) = 0',
    `2 10.5 pwritev(26<${segment}>, [{iov_base="MILLRACE\\1", iov_len=8192}], 1, 0) = 8192`,
    `2 10.6 fdatasync(26<${segment}>) = 0`,
    `2 10.7 pwritev(26<${segment}>, [{iov_base="\\1\\2", iov_len=64}, {iov_base="${markedLine(0, 0)}", iov_len=4032}], 2, 8192 <unfinished ...>`,
    '3 10.7 +++ exited with 0 +++',
    '2 10.8 <... pwritev resumed>) = 4096',
    `2 10.9 fdatasync(26<${segment}> <unfinished ...>`,
    '4 11.0 write(2<pipe:[7]>, "*", 1) = 1',
    '2 11.1 <... fdatasync resumed>) = 0',
    '4 11.2 write(39<TCP:[127.0.0.1:4444->127.0.0.1:50001]>, "OK\\n", 3) = 3',
  ];
  const expected = { channels: ['/d'], clients: new Map([[50_001, [markedLine(0, 0)]]]) };
  const judged = (trace: readonly string[]) => judge(readTrace(`${trace.join('\n')}\n`), expected);
  const without = (at: number) => good.toSpliced(at, 1);
  const moved = (from: number, to: number) => without(from).toSpliced(to, 0, good[from]!);

  test('all is well', () => {
    expect(judged(good)).toEqual({ answered: 1, segments: 1, problems: [] });
  });

  test.each([
    ['a group was not synced', good.toSpliced(9, 3, good[10]!), 'before it was durable in /d'],
    [
      'a write failed',
      good.with(8, '2 10.8 <... pwritev resumed>) = -1 EIO (Input/output error)'),
      'before it was durable',
    ],
    [
      'a sync failed',
      good.with(11, '2 11.1 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)'),
      'before it was durable',
    ],
    ['a sync did not return', good.with(11, '2 11.1 <... fdatasync resumed>) = ?'), 'before it was durable'],
    [
      'another file was synced',
      good.with(9, '2 10.9 fdatasync(27</d/0000000000000002.segment> <unfinished ...>'),
      'before it was durable',
    ],
    [
      'the sync began before the write had ended',
      good.toSpliced(9, 3).toSpliced(7, 0, `5 10.7 fdatasync(26<${segment}>) = 0`),
      'before it was durable',
    ],
    ['the answer came before the sync had returned', moved(12, 11), 'before it was durable'],
    ['the line was never written', good.with(6, good[6]!.replace('<0.0', '<0.1')), 'before it was durable'],
    [
      'the line was written to another directory',
      good.map((line) => line.replaceAll('</d', '</e')),
      'before it was durable in /d',
    ],
    ['the directory was not synced', without(3), 'before its name was durable'],
    ['the directory was synced before the segment had its name', moved(3, 2), 'before its name was durable'],
    ['another directory was synced', good.with(3, '1 10.4 fsync(21</e>) = 0'), 'before its name was durable'],
    ['the header was not synced', without(5), 'before its header was durable'],
    ['the zeros were not synced', without(1), 'before its zeros were durable'],
    [
      'a line was refused',
      good.with(12, good[12]!.replace('OK\\n', 'FAILED: full\\n')),
      'a line was refused in line 13',
    ],
  ])('%s', (_, trace, problem) => {
    expect(judged(trace).problems).toContainEqual(expect.stringContaining(problem));
  });

  test.each([
    '2 11.1 <... pwritev resumed>) = 0',
    '2 11.1 fdatasync(26',
    'fdatasync(26</d>) = 0',
    '2 11.1 <... fdatasync resumed>',
  ])('it is not one: %s', (line) => {
    expect(() => judged(good.with(11, line))).toThrow('Line 12 of the trace is not understood');
  });
});
