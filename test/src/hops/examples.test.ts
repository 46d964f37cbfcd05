import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, LineClient, loggedBodies, type RunningAgent, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../file-channel/agent.ts';
import { millrace } from '../peers/peer.ts';
import { Example } from './example.ts';

const guide = readFileSync(new URL('../../../docs/guides/hops.md', import.meta.url), 'utf8');

/** Sends lines to a netcat source, and expects them to be accepted. */
async function send(agent: RunningAgent, source: string, ...lines: readonly string[]): Promise<void> {
  const client = await LineClient.connect(agent.port(source));
  await client.write(lines.map((line) => `${line}\n`).join(''));
  expect(await client.lines(lines.length)).toEqual(lines.map(() => 'OK'));
  await client.close();
}

async function stopWell(...agents: readonly RunningAgent[]): Promise<void> {
  for (const agent of agents) {
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(agent.log.filter(({ level }) => level !== 'info')).toEqual([]);
  }
}

test.for(['avro-cascade.conf', 'thrift-cascade.conf'])(
  '%s: lines of the one agent are printed by the other',
  async (path) => {
    using scratch = scratchDirectory();
    const [example] = await Example.read([path], scratch.path);
    await using b = await runAgent(example!.text, { name: 'b' });
    await using a = await runAgent(example!.text, { name: 'a' });
    const lines = Array.from({ length: 250 }, (_, number) => `line ${number}`);
    await send(a, 'lines', ...lines);
    await eventually(() => loggedBodies(b.output)).toEqual(lines);
    await stopWell(a, b);
  },
);

test('avro-cascade.conf: in any order; the first agent keeps what it has until the second is there', async () => {
  using scratch = scratchDirectory();
  const [example] = await Example.read(['avro-cascade.conf'], scratch.path);
  await using a = await runAgent(example!.text, { name: 'a' });
  await send(a, 'lines', 'one', 'two');
  await eventually(() => JSON.stringify(a.log)).toContain('ECONNREFUSED');
  await using b = await runAgent(example!.text, { name: 'b' });
  await eventually(() => loggedBodies(b.output)).toEqual(['one', 'two']);
});

test('avro-logger.conf: avro-client makes an event of every line, of a file and of standard input', async () => {
  using scratch = scratchDirectory();
  const [example] = await Example.read(['avro-logger.conf'], scratch.path);
  await using agent = await runAgent(example!.text);
  const to = ['avro-client', '-H', 'localhost', '-p', String(agent.port('r1'))];
  const file = join(scratch.path, 'access.log');
  writeFileSync(file, 'one\ntwo\n\nlast, no end');
  await promisify(execFile)(millrace[0], [...millrace.slice(1), ...to, '-F', file]);
  execFileSync(millrace[0], [...millrace.slice(1), ...to], { input: 'Hello world!\nand again\n', stdio: 'pipe' });
  await eventually(() => loggedBodies(agent.output)).toEqual([
    ...['one', 'two', '', 'last, no end'],
    ...['Hello world!', 'and again'],
  ]);
  await stopWell(agent);
});

test('fan-in.conf: what many agents accepted is in the files of one', async () => {
  using scratch = scratchDirectory();
  mkdirSync(join(scratch.path, 'events'));
  const [example] = await Example.read(['fan-in.conf'], scratch.path);
  const names = ['web1', 'web2', 'web3'];
  await using collector = await runAgent(example!.text, { name: 'collector' });
  await using agents = new AsyncDisposableStack();
  const tier = await Promise.all(names.map((name) => runAgent(example!.text, { name })));
  for (const agent of tier) agents.use(agent);
  const linesOf = (name: string) => Array.from({ length: 300 }, (_, number) => `${name} ${number}`);
  await Promise.all(names.map((name, at) => send(tier[at]!, 'lines', ...linesOf(name))));
  const written = () =>
    readdirSync(join(scratch.path, 'events'))
      .flatMap((file) => readFileSync(join(scratch.path, 'events', file), 'utf8').split('\n'))
      .filter((line) => line !== '');
  await eventually(() => written().length).toBe(900);
  for (const name of names) expect(written().filter((line) => line.startsWith(`${name} `))).toEqual(linesOf(name));
  await stopWell(...tier, collector);
});

/** The shell blocks of the guide below a heading. */
function shellOf(heading: string): string[] {
  const section = guide.split(/^## /m).find((section) => section.startsWith(heading))!;
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands!);
}

test.for(['openssl', 'keytool'])(
  'avro-tls.conf: with stores as the guide makes them with %s',
  async (tool, { skip }) => {
    using scratch = scratchDirectory();
    const commands = shellOf('TLS').filter((block) => block.startsWith(tool));
    expect(commands).toHaveLength(1);
    skip(spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0, `there is no ${tool}`);
    const environment = { STORE_PASSWORD: 'a good one' };
    execFileSync('sh', ['-ec', commands[0]!], {
      cwd: scratch.path,
      env: { ...process.env, ...environment },
      stdio: 'pipe',
    });
    const [example] = await Example.read(['avro-tls.conf'], scratch.path);
    await using b = await runAgent(example!.text, { name: 'b', environment });
    await using a = await runAgent(example!.text, { name: 'a' });
    await send(a, 'lines', 'nobody reads this on the way');
    await eventually(() => loggedBodies(b.output)).toEqual(['nobody reads thi']);
    await stopWell(a, b);
  },
);
