import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runBin, startBin } from '../bin.test.fixture.ts';

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('a user is shown figures, limits and advice, and given the files', async () => {
  const cwd = scratch();
  const args = ['bench', 'channels', '--quick', '--type', 'memory', '--json', 'out/a.json', '--svg', 'out/a.svg'];
  const { code, stdout, stderr } = await runBin('millrace', args, { cwd });
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^memory +1,000( +[\d,.]+){7}$/m);
  expect(stdout).toContain(`Measured in ${cwd}`);
  expect(stdout).toMatch(/Advice for this host\n\n- \S/);
  const json = JSON.parse(readFileSync(join(cwd, 'out/a.json'), 'utf8'));
  expect(json.steady).toHaveLength(9);
  expect(json.steady).not.toContainEqual(expect.objectContaining({ eventsPerSecond: 0 }));
  expect(json.runs.map((run: { label: string }) => run.label)).toContain('memory, batch 1000, 16 in flight');
  expect(readFileSync(join(cwd, 'out/a.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  expect(readdirSync(cwd)).toEqual(['out']);
});

test('Ctrl-C ends it, and nothing is left behind', async () => {
  const cwd = scratch();
  const { child, ended } = startBin('millrace', ['bench', 'channels', '--type', 'memory'], { cwd });
  await vi.waitUntil(() => readdirSync(cwd).some((name) => existsSync(join(cwd, name, '0'))), 10_000);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('stopped before everything was measured');
  expect(code).toBe(1);
  expect(readdirSync(cwd)).toEqual([]);
});

test.for([
  [['--dir', '/nowhere'], 1, 'Nothing can be measured in /nowhere (ENOENT'],
  [['--type', 'memroy'], 1, 'no channel of type "memroy" to measure: choose from memory'],
  [['--runs', '0'], 2, 'a whole number from 1 to 999'],
] as const)('%j is answered with what to do', async ([args, expected, advice]) => {
  const { code, stderr } = await runBin('millrace', ['bench', 'channels', ...args]);
  expect(stderr).toContain(advice);
  expect(stderr).not.toContain('    at ');
  expect(code).toBe(expected);
});
