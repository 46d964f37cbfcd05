import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration, type PlanOptions } from './load.ts';
import { readConfigurationFile } from './read-file.ts';
import { diagnosticObjects, renderDiagnostics } from './render.ts';
import { registry } from './specimens.test.fixture.ts';

const sound = `a1.sources = r1
a1.channels = c1
a1.sources.r1.type = seq
a1.sources.r1.channels = c1
a1.channels.c1.type = memory
a1.sinks = k1
a1.sinks.k1.type = null
a1.sinks.k1.channel = c1
`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-load-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function load(files: readonly string[], options: Partial<PlanOptions> = {}) {
  const loaded = await loadConfiguration({ files, environment: new Map(), system: new Map(), registry, ...options });
  const said = loaded.diagnostics.map(({ severity, code }) => `${severity} ${code}`);
  return {
    ...loaded,
    said,
    rendered: renderDiagnostics(loaded.diagnostics, loaded.texts).replaceAll(directory, 'DIR'),
  };
}

test('files are merged in their order, and a later one replaces what an earlier one set, silently', async () => {
  const files = [
    write('a.conf', sound),
    write('b.conf', 'a1.sources.r1.batchSize = 7'),
    write('c.conf', 'a1.sources.r1.batchSize = 8'),
  ];
  const { plans, said } = await load(files);
  expect(said).toEqual([]);
  expect(plans.get('a1')?.sources[0]?.config).toEqual({ batchSize: 8 });
});

test('a mistake is shown in the file it stands in, file by file', async () => {
  const { rendered } = await load([
    write('z.conf', `${sound}a1.sources.r1.x = 1`),
    write('a.conf', 'a1.channels.c1.keep-alive = x'),
  ]);
  expect(rendered).toMatchInlineSnapshot(`
    "DIR/z.conf:4:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend channel c1: what is wrong with it is told from line 5 on
    DIR/z.conf:8:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend channel c1: what is wrong with it is told from line 5 on
    DIR/z.conf:9:1: warning: The seq source has no property "x", so the line is ignored.
        a1.sources.r1.x = 1
        ^
      → it has batchSize, type, channels, selector.type, interceptors
    DIR/a.conf:1:29: error: keep-alive of a1.channels.c1 must be a number of seconds of at least 0, not "x". Channel c1 is dropped.
        a1.channels.c1.keep-alive = x
                                    ^
      → correct it, or remove the line for the default, 3"
  `);
});

test('a file that cannot be read is an error, and then nothing is planned', async () => {
  const { plans, rendered } = await load([write('a.conf', sound), join(directory, 'missing.conf'), directory]);
  expect(plans.size).toBe(0);
  expect(rendered).toMatchInlineSnapshot(`
    "DIR/missing.conf:1:1: error: DIR/missing.conf cannot be read (ENOENT).
      → there is no such file; look at the path
    DIR:1:1: error: DIR cannot be read (EISDIR).
      → it is a directory; name the file in it"
  `);
});

test('one malformed file is enough to plan nothing, and the other mistakes are told all the same', async () => {
  const { plans, said } = await load([write('a.conf', `${sound}a1.sources.r1.x = \\uXYZ`)]);
  expect(plans.size).toBe(0);
  expect(said).toEqual(['warning unknown-property', 'error malformed-unicode-escape']);
});

test('files named .json, .yaml and .xml are skipped with a warning, as in Flume', async () => {
  const names = ['a.json', 'b.yaml', 'c.xml', 'd.conf.json', 'e.JSON', 'f.yml', 'g'];
  const { said, texts } = await load(names.map((name) => write(name, sound)));
  expect(said.filter((line) => line.includes('foreign-format'))).toHaveLength(3);
  expect([...texts.keys()].map((file) => file.slice(directory.length + 1))).toEqual([
    'd.conf.json',
    'e.JSON',
    'f.yml',
    'g',
  ]);
});

test('a wrong name of the agent is answered with the names there are', async () => {
  const files = [write('a.conf', sound + sound.replaceAll('a1.', 'collector.'))];
  expect((await load(files, { agent: 'colector' })).rendered).toMatchInlineSnapshot(`
    "DIR/a.conf:1:1: error: There is no agent "colector" in DIR/a.conf, only a1, collector.
      → did you mean "collector"?"
  `);
  expect((await load(files, { agent: 'x' })).rendered).toMatchInlineSnapshot(`
    "DIR/a.conf:1:1: error: There is no agent "x" in DIR/a.conf, only a1, collector.
      → give the name of an agent that is there with -n"
  `);
  expect((await load(files, { agent: 'collector' })).said).toEqual([]);
});

test('no file, and an empty one, have no agent', async () => {
  expect((await load([], { agent: 'a1' })).said).toEqual(['error unknown-agent']);
  expect((await load([write('a.conf', '')], { agent: 'a1' })).said).toEqual(['error no-agents']);
});

test('diagnostics are had as plain objects too', async () => {
  const file = write('a.conf', sound.replace('= seq', '= sequ'));
  const [object] = diagnosticObjects((await load([file])).diagnostics.filter(({ code }) => code === 'unknown-type'));
  expect(JSON.parse(JSON.stringify(object))).toEqual({
    ...{ severity: 'error', code: 'unknown-type', file, line: 3, column: 22, subject: 'a1.sources.r1.type' },
    ...{ message: 'There is no source type "sequ". Source r1 is dropped.', suggestion: 'did you mean "seq"?' },
  });
});

test('a long line is shown around what is meant, and tabs keep the caret in its place', async () => {
  const names = Array.from({ length: 60 }, (_, at) => `c${at}`).join('\t');
  const { rendered } = await load([
    write(
      'a.conf',
      `${sound.replace('a1.sources.r1.channels = c1', `a1.sources.r1.channels = c1 ${names.slice(3)} d`)}a1.sources.r1.batchSize\t=\t${'1'.repeat(300)}`,
    ),
  ]);
  const blocks = rendered.split(/\n(?=DIR)/);
  expect(blocks.at(-2)).toMatchInlineSnapshot(`
    "DIR/a.conf:4:256: error: There is no channel d. The source does without it.
        c40	c41	c42	c43	c44	c45	c46	c47	c48	c49	c50	c51	c52	c53	c54	c55	c56	c57	c58	c59 d
           	   	   	   	   	   	   	   	   	   	   	   	   	   	   	   	   	   	   	    ^
      → define channel d, and list it"
  `);
  expect(blocks.at(-1)).toMatchInlineSnapshot(`
    "DIR/a.conf:9:27: error: batchSize of a1.sources.r1 must be at most 2147483647, not "11111111111111111111111111111111111111111111111111111111111111111111111111111111…". Source r1 is dropped.
        a1.sources.r1.batchSize	=	11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111
                               	 	^
      → correct it, or remove the line for the default, 1"
  `);
});

test('a line that a diagnostic has no text for is left out', () => {
  const place = { file: 'f', line: 9, column: 1 };
  const diagnostic = { severity: 'warning', code: 'x', place, subject: 'a1', message: 'So it is.' } as const;
  expect(renderDiagnostics([diagnostic])).toBe('f:9:1: warning: So it is.');
  expect(renderDiagnostics([diagnostic], new Map([['f', Buffer.from('a\nb')]]))).toBe('f:9:1: warning: So it is.');
});

test('a file without an end is refused before it fills the memory', async () => {
  const { rendered } = await load(['/dev/zero']);
  expect(rendered).toMatchInlineSnapshot(`
    "/dev/zero:1:1: error: /dev/zero cannot be read (EFBIG).
      → it has more than 32 MiB, which no configuration has; look at the path"
  `);
});

test('a pipe is read to its end, however slowly somebody writes into it', async () => {
  const pipe = join(directory, 'pipe.conf');
  execFileSync('mkfifo', [pipe]);
  const writer = spawn('sh', [
    '-c',
    `(printf %s "$1"; sleep 0.2; printf %s "$2") > "$0"`,
    pipe,
    sound.slice(0, 50),
    sound.slice(50),
  ]);
  const written = once(writer, 'close');
  const { said, plans } = await load([pipe]);
  expect(said).toEqual([]);
  expect([...plans.keys()]).toEqual(['a1']);
  await written;
});

test('a pipe that nobody writes into is given up', async () => {
  const pipe = join(directory, 'pipe.conf');
  execFileSync('mkfifo', [pipe]);
  await expect(readConfigurationFile(pipe, 100)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});
