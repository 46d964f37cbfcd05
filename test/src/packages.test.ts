import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, LineClient } from '@millrace/testkit';
import { publint } from 'publint';
import { afterAll, describe, expect, test } from 'vitest';
import { BareMachine } from './packages/bare-machine.ts';
import { nodes } from './packages/nodes.ts';
import { startRegistry } from './packages/registry.ts';
import {
  brokenImports,
  entryPoints,
  filesIn,
  type Manifest,
  packAll,
  publishedPackages,
  root,
  type Tarball,
} from './packages/tarballs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-packages-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const tarballs = packAll(scratch);
const named = tarballs.map((tarball) => [tarball.manifest.name, tarball] as const);
const runnable = named.filter(([, { manifest }]) => isForHere(manifest));
const registry = await startRegistry(tarballs, join(root, 'package-lock.json'));
afterAll(() => registry[Symbol.asyncDispose]());

test('everything that is published is packed, and for this platform the engine', () => {
  const platform = `@millrace/channel-native-${process.platform}-${process.arch}`;
  const names = tarballs.map(({ manifest }) => manifest.name);
  expect(names).toEqual(expect.arrayContaining(publishedPackages().map(({ name }) => name)));
  expect(names).toContainEqual(expect.stringMatching(`^${platform}(-gnu)?$`));
});

describe.for(named)('the tarball of %s', ([, tarball]) => {
  test('holds what runs, its types, a README and the licence, and nothing else', () => {
    const wanted =
      /^(package\.json|README\.md|LICENSE|bin\/[\w-]+\.js|dist\/.+\.(js|d\.ts)|src\/native\.d\.ts|[\w.-]+\.node)$/;
    const unwanted = /\.test\.|fixture/;
    expect(tarball.files.filter((file) => !wanted.test(file) || unwanted.test(file))).toEqual([]);
    expect(tarball.files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json']));
    expect(readFileSync(join(tarball.folder, 'LICENSE'))).toEqual(readFileSync(join(root, 'LICENSE')));
  });

  test('names every package that it imports, and holds every file', () => {
    expect(brokenImports(tarball)).toEqual([]);
  });

  test('has nothing that publint would mend', async () => {
    const { messages } = await publint({ pkgDir: tarball.folder, pack: false, level: 'warning', strict: true });
    expect(messages).toEqual([]);
  });
});

test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the oldest Node that the packages name is tried',
  () => {
    expect([...new Set(tarballs.map(({ manifest }) => `${manifest.engines?.['node']}.0`))]).toEqual([
      `>=${nodes.at(-1)?.version}`,
    ]);
  },
);

describe.for(nodes)('on Node $version', ({ path, version }) => {
  test('a bare machine has no compiler and no other Node', async () => {
    using machine = new BareMachine(path, registry);
    expect(await machine.run('node', '--version')).toMatchObject({ stdout: `v${version}\n` });
    const tools = ['node', 'cargo', 'rustc', 'cc', 'gcc', 'g++', 'clang', 'ld', 'make', 'python3'];
    const { stdout } = await machine.run('sh', '-c', 'IFS=:; ls $PATH');
    expect(stdout.split('\n').filter((name) => tools.includes(name))).toEqual(['node']);
  });

  test.for(runnable)('%s is installed there alone, and works', { timeout: 120_000 }, async ([, tarball]) => {
    using machine = new BareMachine(path, registry);
    await install(machine, tarball);
    const said = await tryOut(machine, tarball);
    expect(said).toMatchObject({ code: 0, stderr: '' });
    expect(said.stdout).not.toBe('');
    if (path === process.execPath && tarball.manifest.exports) expect(await typeErrors(machine, tarball)).toBe('');
  });

  test('an agent runs, is asked and stopped, and what is uninstalled leaves what the manual names', {
    timeout: 120_000,
  }, async () => {
    using machine = new BareMachine(path, registry);
    const cli = tarballs.find(({ manifest }) => manifest.name === 'millrace')!;
    await install(machine, cli);
    expect(await runAgent(machine, exampleOf(cli))).toMatch(/body: 48 65 6C 6C 6F +Hello \}\n$/);

    // Nobody takes from these channels.
    const durable = [
      'a1.channels = c1 c2 c3',
      'a1.sources.r1.channels = c1 c2 c3',
      'a1.channels.c2.type = file',
      'a1.channels.c3.type = jdbc',
    ];
    await runAgent(machine, [exampleOf(cli), ...durable].join('\n'));

    expect(await machine.npm('uninstall', 'millrace')).toMatchObject({ code: 0 });
    expect(readdirSync(machine.prefix)).toEqual(['agent.conf', 'node_modules', 'package-lock.json', 'package.json']);
    expect(filesIn(join(machine.prefix, 'node_modules'))).toEqual(['.package-lock.json']);
    expect(comparedWithManual(machine)).toEqual({ unnamed: [], missing: [] });
  });
});

async function install(machine: BareMachine, { manifest: { name, version } }: Tarball): Promise<void> {
  const { code, stderr } = await machine.npm('install', `${name}@${version}`);
  expect(code, stderr).toBe(0);
  expect(existsSync(join(machine.prefix, 'node_modules', name))).toBe(true);
}

/** Does what the README shows; without an example, what the package is there for: commands say their version, addons load. */
async function tryOut(machine: BareMachine, { manifest: { name, bin = {} }, example }: Tarball) {
  if (example?.includes(`from 'vitest'`)) {
    writeFileSync(join(machine.prefix, 'example.test.js'), example);
    return machine.run('vitest', 'run');
  }
  if (example !== undefined) {
    writeFileSync(join(machine.prefix, 'example.mjs'), example);
    return machine.run('node', 'example.mjs');
  }
  const versions = Object.keys(bin).map((command) => `node_modules/.bin/${command} --version`);
  if (versions.length > 0) return machine.run('sh', '-c', versions.join(' && '));
  return machine.run('node', '-p', `Object.keys(require('${name}'))`);
}

/** The configuration that the README shows. */
function exampleOf({ folder }: Tarball): string {
  const [, text = ''] = /```properties\n(.*?)```/s.exec(readFileSync(join(folder, 'README.md'), 'utf8')) ?? [];
  expect(readFileSync(join(root, 'examples', 'netcat-logger.conf'), 'utf8')).toContain(text);
  return text;
}

/** Runs an agent, asks it how it is, sends it a line and stops it; returns its output. */
async function runAgent(machine: BareMachine, configuration: string): Promise<string> {
  const port = await freePort();
  const name = `a${port}`; // whoever asks sees all agents of this user
  const text = configuration.replace('44444', String(port)).replaceAll(/^a1\b/gm, name);
  writeFileSync(join(machine.prefix, 'agent.conf'), text);
  const ended = machine.run('millrace', 'agent', '-n', name, '-f', 'agent.conf');
  const asked = expect.poll(() => machine.run('millrace', 'status', '-n', name, '--json'), { timeout: 60_000 });
  await asked.toMatchObject({ code: 0, stdout: expect.stringContaining(`"agent": "${name}"`) });
  const client = await LineClient.connect(port);
  await client.write('Hello\n');
  expect(await client.lines(1)).toEqual(['OK']);
  await client.close();
  expect(await machine.run('millrace', 'stop', '-n', name)).toMatchObject({ code: 0, stderr: '' });
  const { code, stdout } = await ended;
  expect(code).toBe(0);
  return stdout;
}

/** What is left in the directories of a user and not named in the manual, and what is named there and not left. */
function comparedWithManual({ home, temporary, runtime }: BareMachine) {
  const manual = readFileSync(join(root, 'docs', 'guides', 'installing.md'), 'utf8');
  const named = Array.from(manual.matchAll(/^\| .+? \| `([~$][^`]+)`/gm), ([, place = '']) => place);
  const variables: Readonly<Record<string, string>> = { '~': home, $TMPDIR: temporary, $XDG_RUNTIME_DIR: runtime };
  const places = named.map((place) => {
    const path = place.replace(/^(~|\$\w+)/, (variable) => variables[variable] ?? variable);
    return { place, pattern: new RegExp(`^${path.replace(/AGENT|CHANNEL/g, '[^/]+')}(/|$)`) };
  });
  const left = [home, temporary, runtime].flatMap(leavesOf);
  return {
    unnamed: left.filter((path) => !places.some(({ pattern }) => pattern.test(path))),
    missing: places.filter(({ pattern }) => !left.some((path) => pattern.test(path))).map(({ place }) => place),
  };
}

/** The files and empty directories below a directory. */
function leavesOf(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    const leaves = entry.isDirectory() ? leavesOf(path) : [];
    return leaves.length > 0 ? leaves : [path];
  });
}

/** What TypeScript says about a program that imports all there is to import. */
async function typeErrors(machine: BareMachine, tarball: Tarball): Promise<string> {
  const imports = entryPoints(tarball).map((name, at) => `export * as entry${at} from '${name}';`);
  writeFileSync(join(machine.prefix, 'all.mts'), ['export {};', ...imports].join('\n'));
  const typeRoot = join(machine.prefix, 'types');
  mkdirSync(typeRoot);
  symlinkSync(join(root, 'node_modules', '@types', 'node'), join(typeRoot, 'node'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'esnext',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [typeRoot],
  };
  writeFileSync(join(machine.prefix, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['all.mts'] }));
  const { stdout } = await machine.run('node', join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.');
  return stdout;
}

function isForHere({ os = [process.platform], cpu = [process.arch] }: Manifest): boolean {
  return os.includes(process.platform) && cpu.includes(process.arch);
}
