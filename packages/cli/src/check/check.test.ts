import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runBin, startBinInShell } from '../bin.test.fixture.ts';

const right = `a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = seq
a1.sources.r1.channels = c1
a1.channels.c1.type = memory
a1.channels.c1.byteCapacity = 64000000
a1.sinks.k1.type = null
a1.sinks.k1.channel = c1
`;
const wrong = right.replace('= seq', '= sequ');
const doubtful = `${right}a1.sinks.k1.colour = green\n`;

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-check-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Checks files with these texts, in a directory of their own; a flag `-f FILE` names them. */
async function check(files: Readonly<Record<string, string | Uint8Array>>, ...flags: string[]) {
  const directory = scratch();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return runBin('millrace', ['check', ...flags], { cwd: directory });
}

test('a configuration that is right is one line, and status 0', async () => {
  const { code, stdout, stderr } = await check({ 'a.conf': right }, '-f', 'a.conf');
  expect(stdout).toBe('Nothing wrong in a.conf: agent a1 with 1 source, 1 channel and 1 sink.\n');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('an error ends with status 1, a warning only with --strict', async () => {
  expect((await check({ 'a.conf': wrong }, '-f', 'a.conf')).code).toBe(1);
  expect((await check({ 'a.conf': doubtful }, '-f', 'a.conf')).code).toBe(0);
  expect((await check({ 'a.conf': doubtful }, '-f', 'a.conf', '--strict')).code).toBe(1);
  expect((await check({ 'a.conf': right }, '-f', 'a.conf', '--strict')).code).toBe(0);
  expect((await check({}, '--strict')).code).toBe(2);
});

test('with a name the mistakes of other agents are not told', async () => {
  const files = { 'a.conf': right + wrong.replaceAll('a1.', 'b.') };
  expect(await check(files, '-f', 'a.conf')).toMatchObject({ code: 1, stdout: expect.stringContaining('"sequ"') });
  expect(await check(files, '-f', 'a.conf', '-n', 'b')).toMatchObject({ code: 1 });
  expect(await check(files, '-f', 'a.conf', '-n', 'a1')).toMatchObject({
    code: 0,
    stdout: 'Nothing wrong in a.conf: agent a1 with 1 source, 1 channel and 1 sink.\n',
  });
});

test('files are merged, and settings come from flume-env.sh and the command line, as for the agent', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'a.conf'), wrong);
  writeFileSync(join(directory, 'b.conf'), 'a1.sources.r1.type = ${sys:type}\na1.sources.r1.batchSize = ${sys:size}\n');
  writeFileSync(join(directory, 'flume-env.sh'), 'JAVA_OPTS="-Dtype=seq"\n');
  const flags = ['check', '-f', 'a.conf', 'b.conf', '-c', '.', '-Dsize=10'];
  expect(await runBin('millrace', flags, { cwd: directory })).toMatchObject({ code: 0 });
});

test('--json says the same to programs', async () => {
  const { code, stdout } = await check({ 'a.conf': wrong }, '-f', 'a.conf', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    files: ['a.conf'],
    agents: [{ name: 'a1', sources: 0, channels: 1, sinks: 1, without: ['source r1'] }],
    errors: 1,
    warnings: 0,
    notes: [],
    diagnostics: [
      {
        severity: 'error',
        code: 'unknown-type',
        file: 'a.conf',
        line: 4,
        column: 22,
        subject: 'a1.sources.r1.type',
        message: 'There is no source type "sequ". Source r1 is dropped.',
        suggestion: 'did you mean "seq"?',
      },
    ],
  });
});

test('what is right and worth knowing is told and not counted', async () => {
  const open = right.replace(/.*byteCapacity.*\n/, '');
  const port = (agent: string) => `${agent}.sources.r1.type = syslogtcp\n${agent}.sources.r1.port = 514\n`;
  const text = ['a', 'b'].map((agent) => open.replaceAll('a1.', `${agent}.`) + port(agent)).join('');
  const { code, stdout } = await check({ 'a.conf': text.replace(/.*type = seq\n/g, '') }, '-f', 'a.conf', '--strict');
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "Nothing wrong in a.conf: agents a, b with 2 sources, 2 channels and 2 sinks.
    Worth knowing:
      a.channels.c1, b.channels.c1: byteCapacity is not set: it may use up to 64 MiB of memory each
      a.sources.r1, b.sources.r1: both have TCP port 514, so the two agents cannot run on one host
    "
  `);
});

test('directories are the same that links make the same', async () => {
  const directory = scratch();
  mkdirSync(join(directory, 'disk'));
  symlinkSync('disk', join(directory, 'link'));
  const channel = (name: string, path: string) =>
    `a1.channels.${name}.type = file\na1.channels.${name}.dataDirs = ${path}/data\na1.sinks.${name}.type = null\na1.sinks.${name}.channel = ${name}\n`;
  const lists =
    'a1.sources = r1\na1.channels = c1 c2\na1.sinks = c1 c2\na1.sources.r1.type = seq\na1.sources.r1.channels = c1 c2\n';
  writeFileSync(join(directory, 'a.conf'), lists + channel('c1', 'disk') + channel('c2', 'link'));
  const { code, stdout } = await runBin('millrace', ['check', '-f', 'a.conf'], { cwd: directory });
  expect({ code, stdout: stdout.replaceAll(directory, 'DIR') }).toMatchInlineSnapshot(`
    {
      "code": 1,
      "stdout": "a.conf:11:27: error: The directory DIR/disk/data is also that of a1.channels.c1 (line 7). Only one of the two can open it.
        a1.channels.c2.dataDirs = link/data
                                  ^
      → give a1.channels.c2 a directory of its own

    1 error in a.conf. Everything listed would run, though not as it is written.
    ",
    }
  `);
});

test('files that cannot be read are told with what to do', async () => {
  const directory = scratch();
  mkdirSync(join(directory, 'conf.d'));
  writeFileSync(join(directory, 'a.json'), right);
  const flags = ['check', '-f', 'missing.conf', '-f', 'conf.d', '-f', 'a.json'];
  const { code, stdout } = await runBin('millrace', flags, { cwd: directory });
  expect(code).toBe(1);
  expect(stdout).toMatchInlineSnapshot(`
    "missing.conf:1:1: error: missing.conf cannot be read (ENOENT).
      → there is no such file; look at the path
    conf.d:1:1: error: conf.d cannot be read (EISDIR).
      → it is a directory; name the file in it
    a.json:1:1: warning: a.json is skipped, as Flume skips it: its name says that it is json, and a configuration is a properties file.
      → rename it if it is one

    2 errors and 1 warning in missing.conf, conf.d, a.json.
    "
  `);
});

test.skipIf(process.getuid?.() !== 0)('a file of somebody else is told as such', async () => {
  const directory = scratch();
  writeFileSync(join(directory, 'a.conf'), right, { mode: 0o600 });
  const { loadConfiguration } = await import('@millrace/kernel/config/load');
  const { registry } = await import('../agent/components.ts');
  process.seteuid!(65_534);
  const { diagnostics } = await loadConfiguration({
    ...{ files: [join(directory, 'a.conf')], registry, system: new Map(), environment: new Map() },
  }).finally(() => process.seteuid!(0));
  expect(diagnostics.map(({ suggestion }) => suggestion)).toEqual([
    'the user who starts the agent may not read it; change its permissions',
  ]);
});

test('everything is told also to a reader that is slow, and one that leaves is no failure', async () => {
  const directory = scratch();
  const lines = Array.from({ length: 2_000 }, (_, at) => `a1.sinks.k1.colour${at} = green\n`);
  writeFileSync(join(directory, 'a.conf'), right + lines.join(''));
  const told = async (line: string) => {
    const { ended } = startBinInShell(line, 'millrace', ['check', '-f', 'a.conf'], { cwd: directory });
    return ended;
  };
  expect((await told('"$@" | (sleep 1; tail -n 1)')).stdout).toMatch(/^2,000 warnings in a.conf: agent a1/);
  expect(await told('"$@" | head -n 1')).toMatchObject({ stdout: expect.stringMatching(/^a.conf:10:1/), stderr: '' });
});

test('a line of ten megabytes is checked at once, and shown around what is meant', async () => {
  const line = `a1.sinks.k1.batchSize = ${'1'.repeat(10_000_000)}\n`;
  const start = performance.now();
  const { code, stdout } = await check({ 'a.conf': right + line }, '-f', 'a.conf');
  expect(performance.now() - start).toBeLessThan(15_000);
  expect(code).toBe(1);
  expect(stdout.length).toBeLessThan(1_000);
});

test('a thousand components are checked at once', async () => {
  const directory = scratch();
  const numbers = Array.from({ length: 334 }, (_, at) => at);
  const list = (kind: string, name: string) => `a1.${kind} = ${numbers.map((at) => `${name}${at}`).join(' ')}\n`;
  const flow = (at: number) =>
    right
      .replace(/^a1\.\w+ = .*\n/gm, '')
      .replaceAll(/\b[rck]1\b/g, (name) => `${name[0]}${at}`)
      .replace(/memory\n.*\n/, `file\na1.channels.c${at}.dataDirs = /data/c${at}\n`);
  writeFileSync(
    join(directory, 'a.conf'),
    list('sources', 'r') + list('channels', 'c') + list('sinks', 'k') + numbers.map(flow).join(''),
  );
  // The shell says what its children have cost, which other load makes hardly worse; on a quiet host it takes no longer.
  const { ended } = startBinInShell('"$@"; times', 'millrace', ['check', '-f', 'a.conf'], { cwd: directory });
  const { stdout } = await ended;
  expect(stdout).toContain('agent a1 with 334 sources, 334 channels and 334 sinks.');
  const costs = [
    ...stdout
      .split('\n')
      .at(-2)!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ];
  expect(costs.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)).toBeLessThan(
    1.5,
  );
});
