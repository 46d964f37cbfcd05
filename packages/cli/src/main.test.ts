import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runBin } from './bin.test.fixture.ts';

test.for(['millrace', 'flume-ng'] as const)('%s version says whose files and flags it takes', async (bin) => {
  const { code, stdout } = await runBin(bin, ['version', '-c', 'conf', '-Dk=v']);
  expect(stdout).toMatch(/^Millrace \d+\.\d+\.\d+, compatible with Flume 1\.11\.0\n$/);
  expect(code).toBe(0);
});

test.for([
  [['--help'], 0],
  [['help'], 0],
  [['help', 'agent'], 0],
  [['agent', '--help'], 0],
  [['agent', '-h', '-n', 'a1'], 0],
  [[], 2],
  [['agnt'], 2],
  [['agent'], 2],
  [['agent', '-n', 'a1'], 2],
  [['agent', '-n'], 2],
  [['agent', '-f', 'x'], 2],
  [['agent', '-n', 'a1', '-f', 'x', '--colour'], 2],
  [['agent', '-n', 'a1', '-f', 'x', '-i', 'soon'], 2],
  [['avro-client', '-H', 'localhost', '-p', '1'], 1],
  [['avro-client', '-H', 'localhost', '-p', '65536'], 2],
  [['avro-client', '-H', 'localhost', '-p', '1', '-F', 'x', '--dirname', 'y'], 2],
  [['avro-client', '-P', '/nowhere.properties'], 1],
  [['tool', 'fcintegritytool'], 1],
  [['tool'], 2],
  [['channel'], 2],
  [['channel', 'status'], 2],
  [['channel', 'dump', '/nowhere', '--limit', 'few'], 2],
  [['channel', 'verify', '/nowhere'], 1],
  [['agent', '-n', 'a1', '-f', '/nowhere.conf'], 1],
  [['agent', '-n', 'a1', '-u', 'http://localhost/a.conf'], 1],
  [['agent', '-n', 'a1', '-u', 'file://host/a.conf'], 1],
  [['agent', '-n', 'a1', '-u', 'file:%zz'], 1],
  [['agent', '-n', 'a1', '-u', 'file:%zz', '-d'], 1],
] as const)('%j ends with code %i', async ([args, expected]) => {
  const { code, stdout, stderr } = await runBin('millrace', args);
  expect(code, stdout + stderr).toBe(expected);
  expect(stdout + stderr).not.toContain('    at '); // people are shown sentences, not stacks
});

test.for([
  [['agnt'], 'Did you mean agent?'],
  [['agent'], 'Give its name: -n NAME'],
  [['agent', '-n', 'a1'], 'Give its file: -f FILE'],
  [['agent', '-n', 'a1', '-f', 'x', '--conf-fiel', 'y'], 'Did you mean --conf-file?'],
  [['agent', '-n', 'a1', '-f', 'x', '-i', 'soon'], 'a whole number of seconds'],
  [['avro-client'], 'Give it: -H HOST -p PORT'],
  [['avro-client', '-H', 'localhost'], 'Give it: -p PORT'],
  [['avro-client', '-H', 'localhost', '-p', '1'], 'start the agent there, or correct the host and port'],
  [['channel', 'dump', '/nowhere', '--limit', 'few'], 'It must be a whole number'],
  [['agent', '-n', 'a1', '-f', '/nowhere.conf'], '/nowhere.conf cannot be read (ENOENT)'],
  [['agent', '-n', 'a1', '-u', 'http://localhost/a.conf'], 'configurations are read from files only'],
  [['agent', '-n', 'a1', '-u', 'file://host/a.conf'], 'file://host/a.conf is not read'],
  [['agent', '-n', 'a1', '-u', 'file:%zz'], 'file:%zz is not read'],
  [['agent', '-n', 'a1', '-u', 'file:%zz', '-d'], 'file:%zz is not read'],
] as const)('%j is answered with what to do: %s', async ([args, advice]) => {
  expect((await runBin('millrace', args)).stderr).toContain(advice);
});

test('why the options of a file are missing is said with what is missing', async () => {
  const conf = mkdtempSync(join(tmpdir(), 'millrace-conf-'));
  onTestFinished(() => rmSync(conf, { recursive: true }));
  mkdirSync(join(conf, 'flume.opts'));
  const { code, stderr } = await runBin('millrace', ['agent', '-c', conf]);
  expect(stderr).toMatch(/flume\.opts cannot be read \(EISDIR\).*\nerror: which agent\?/);
  expect(code).toBe(2);
});

test('the help of the agent shows every exit code and an example', async () => {
  const { stdout } = await runBin('millrace', ['help', 'agent']);
  for (const expected of ['millrace agent -n a1 -f', '  0 ', '  1 ', '  2 ', '  130 ', '143: ', '129: '])
    expect(stdout).toContain(expected);
});

test('a Node that is too old is named in one sentence', async () => {
  const pretend = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } })';
  const { code, stderr } = await runBin('millrace', ['version'], {
    node: ['--import', `data:text/javascript,${pretend}`],
  });
  expect(stderr).toMatch(/^millrace needs Node 24\.6 or later, .*\n$/);
  expect(code).toBe(1);
});

test('--dryrun prints what all flags and files amount to, and runs nothing', async () => {
  const conf = mkdtempSync(join(tmpdir(), 'millrace-conf-'));
  onTestFinished(() => rmSync(conf, { recursive: true }));
  writeFileSync(join(conf, 'flume-env.sh'), 'export JAVA_OPTS="-Xmx1g -Da=1 -Db=2"');
  const args = ['agent', '--conf', conf, '-f', 'x.conf', '-f', "it's.conf", '-n', 'a1', '-Db=3', '-d'];
  const { code, stdout, stderr } = await runBin('flume-ng', args);
  expect(stdout).toBe(`millrace agent --name a1 --conf-file x.conf --conf-file 'it'\\''s.conf' -Da=1 -Db=3\n`);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});
