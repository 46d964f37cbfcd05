import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runBin } from '../bin.test.fixture.ts';
import { damage, filledChannel, flip, segments } from './file-channel.test.fixture.ts';

const tool = (...args: readonly string[]) => runBin('flume-ng', ['tool', ...args]);

test('FCINTEGRITYTOOL mends the directories it is given, and prints the summary of Flume', async () => {
  const roots = [await filledChannel(), await filledChannel()];
  const directories = roots.map((root) => join(root, 'data'));
  const file = join(directories[1]!, segments(directories[1]!)[2]!);
  damage(file, (bytes) => flip(bytes, 8192 + 80));
  const { code, stdout } = await tool('-c', 'conf', 'FCINTEGRITYTOOL', '-l', directories.join(','));
  expect(stdout).toContain(`${file}, byte 8192: no record can be read`);
  expect(stdout).toMatch(/- fill bytes 8192 to /);
  expect(stdout).toContain('---------- Summary --------------------\nNumber of Events in the Channel = ');
  expect(stdout).toContain('\nNumber of Corrupt Events = 50\n---------------------------------------\n');
  expect(code).toBe(0);
  for (const root of roots) expect((await runBin('millrace', ['channel', 'verify', root])).code).toBe(0);
  expect((await tool('fcintegritytool', '--dataDirs', directories.join(','))).stdout).toContain('Corrupt Events = 0\n');
});

test.for([
  [['fcintegritytool'], 'Which directories? Give the dataDirs of the channel: -l DIR'],
  [['other', '-l', '/nowhere'], 'There is no tool other'],
  [['FCINTEGRITYTOOL', '-l', '/nowhere'], '/nowhere does not exist'],
  [
    ['FCINTEGRITYTOOL', '-l', '/nowhere', '-e', 'org.example.V$Builder', '-Dk=v'],
    'org.example.V$Builder is a Java class',
  ],
] as const)('%j is answered with what to do: %s', async ([args, advice]) => {
  const { code, stderr } = await tool(...args);
  expect(stderr).toContain(advice);
  expect(stderr).not.toContain('    at ');
  expect(code).toBe(1);
});
