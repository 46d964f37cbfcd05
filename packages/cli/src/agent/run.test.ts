import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runBin, type StartedBin, startBin, startBinInShell, startBinOnTerminal } from '../bin.test.fixture.ts';

const flow = `a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = netcat
a1.sources.r1.bind = 127.0.0.1
a1.sources.r1.port = 0
a1.sources.r1.channels = c1
a1.channels.c1.type = memory
a1.channels.c1.capacity = 10000
a1.sinks.k1.type = logger
a1.sinks.k1.channel = c1
`;

/** A directory with the files that are given, by name. */
function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-agent-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

function startAgent(text: string, args: readonly string[] = []): StartedBin {
  const cwd = directoryWith({ 'flow.conf': text });
  return startBin('millrace', ['agent', '-n', 'a1', '-f', 'flow.conf', ...args], { cwd });
}

const linesOf = ({ written }: StartedBin) =>
  written.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

async function portOf(agent: StartedBin): Promise<number> {
  await vi.waitFor(() => expect(agent.written.stderr).toContain('"Listening."'), 10_000);
  return linesOf(agent).find(({ msg }) => msg === 'Listening.').address.port;
}

/** Sends text to a port and waits for as many replies. */
async function send(port: number, text: string, replies: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let answered = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    answered += data;
  });
  socket.write(text);
  await vi.waitFor(() => expect(answered).toBe('OK\n'.repeat(replies)), 10_000);
}

test.for(['SIGINT', 'SIGTERM'] as const)(
  'asked to stop by %s, an agent delivers what it accepted and ends with 0',
  async (signal) => {
    const agent = startAgent(flow);
    await send(await portOf(agent), 'Hello world!\r\n'.repeat(50), 50);
    agent.child.kill(signal);
    const { code, stdout } = await agent.ended;
    expect(
      stdout.match(/ INFO sink\.LoggerSink: Event: \{ headers:\{\} body: 48 65 .* Hello world!\. \}\n/g),
    ).toHaveLength(50);
    expect(code).toBe(0);
  },
);

/** An agent whose sink cannot go on, because nobody reads what it writes. */
async function startStuckAgent(): Promise<StartedBin> {
  const agent = startAgent(flow);
  agent.child.stdout?.pause();
  await send(await portOf(agent), `${'x'.repeat(99)}\n`.repeat(5_000), 5_000);
  return agent;
}

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second %s ends an agent at once that cannot drain, with code %i', async ([signal, expected]) => {
  const agent = await startStuckAgent();
  agent.child.kill(signal);
  await delay(600);
  expect(agent.child.exitCode).toBeNull();
  agent.child.kill(signal);
  await vi.waitFor(() => expect(agent.child.exitCode).toBe(expected), 3_000);
});

test('one key press that arrives twice is one request to stop', async () => {
  const agent = await startStuckAgent();
  agent.child.kill('SIGINT');
  await delay(30);
  agent.child.kill('SIGINT');
  await delay(300);
  expect(agent.child.exitCode).toBeNull();
  agent.child.stdout?.resume();
  expect((await agent.ended).code).toBe(0);
});

test('not on a terminal every line of the log is JSON, what is wrong with the file included', async () => {
  const agent = startAgent(`${flow}a1.sources.r1.colour = red\n`);
  await portOf(agent);
  expect(linesOf(agent)).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      agent: 'a1',
      code: 'unknown-property',
      subject: 'a1.sources.r1.colour',
      place: { file: 'flow.conf', line: 12, column: 1 },
    }),
  );
});

test.skipIf(process.platform !== 'linux')(
  'on a terminal the log and what is wrong with the file are written for people',
  async () => {
    const cwd = directoryWith({ 'flow.conf': `${flow}a1.sources.r1.colour = red\n` });
    const { written } = startBinOnTerminal('millrace', ['agent', '-n', 'a1', '-f', 'flow.conf'], { cwd });
    await vi.waitFor(() => expect(written.stdout).toContain('Listening.'), 10_000);
    expect(written.stdout).toContain('flow.conf:12:1: warning: ');
    expect(written.stdout).toContain('a1.sources.r1.colour = red');
    expect(written.stdout).not.toContain('"msg"');
  },
);

const polling = flow.replace('type = netcat', 'type = seq\na1.sources.r1.totalEvents = 3');
const eventsOf = ({ written }: StartedBin) => written.stdout.match(/Event:/g)?.length;

test.skipIf(process.platform !== 'linux')(
  'an agent whose log cannot be written goes on and stops in order',
  async () => {
    const cwd = directoryWith({ 'flow.conf': polling });
    const agent = startBinInShell('exec "$@" 2>/dev/full', 'millrace', ['agent', '-n', 'a1', '-f', 'flow.conf'], {
      cwd,
    });
    await vi.waitFor(() => expect(eventsOf(agent)).toBe(3), 10_000);
    agent.child.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);
  },
);

test.skipIf(process.platform !== 'linux')(
  'once the log can be written again it says how many lines are missing',
  async () => {
    const unknown = Array.from({ length: 50 }, (_, at) => `a1.sources.r1.colour${at} = red\n`).join('');
    const cwd = directoryWith({ 'flow.conf': polling + unknown, log: '' });
    const log = join(cwd, 'log');
    const limited = 'ulimit -f 8; exec "$@" 2>>log';
    const agent = startBinInShell(limited, 'millrace', ['agent', '-n', 'a1', '-f', 'flow.conf'], { cwd });
    await vi.waitFor(() => expect(eventsOf(agent)).toBe(3), 10_000);
    const before = readFileSync(log, 'utf8').split('\n').length - 1;
    truncateSync(log);
    agent.child.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);

    const [missing, ...lines] = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(missing).toMatchObject({ level: 'error', agent: 'a1', msg: expect.stringContaining('(EFBIG)') });
    expect(before + missing.dropped).toBeGreaterThan(50);
    expect(lines.at(-1)).toMatchObject({ msg: 'Stopped.' });
  },
);

test('what a component prints into nothing does not end its agent', async () => {
  const cwd = directoryWith({ 'flow.conf': flow });
  const printing = 'import { isMainThread as main } from "node:worker_threads"; if (!main) console.log("printed")';
  const agent = startBinInShell('exec "$@" >/dev/full', 'millrace', ['agent', '-n', 'a1', '-f', 'flow.conf'], {
    cwd,
    node: ['--import', `data:text/javascript,${printing}`],
  });
  await portOf(agent);
  await delay(300);
  agent.child.kill('SIGTERM');
  expect((await agent.ended).code).toBe(0);
});

test('-D settings are taken from flume-env.sh, and the command line wins', async () => {
  const conf = directoryWith({ 'flume-env.sh': 'export JAVA_OPTS="-Dport=1 -Dbind=127.0.0.1"\nexport SINK=logger' });
  const text = flow
    .replace('port = 0', 'port = ${sys:port}')
    .replace('bind = 127.0.0.1', 'bind = ${sys:bind}')
    .replace('type = logger', 'type = ${env:SINK}');
  const agent = startAgent(text, ['-c', conf, '-Dport=0']);
  expect(await portOf(agent)).toBeGreaterThan(1);
  expect(linesOf(agent).filter(({ level }) => level !== 'info')).toEqual([]);
});

test.for([['-Dflume.root.logger=ERROR,console'], ['-Dflume.root.logger=DEBUG,console', '-Dmillrace.log.level=off']])(
  '%j says how much the log says',
  async (flags) => {
    const agent = startAgent(flow.replace('type = netcat', 'type = seq'), flags);
    await vi.waitFor(() => expect(agent.written.stdout).toContain('Event:'), 10_000);
    agent.child.kill('SIGTERM');
    const { code, stderr } = await agent.ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
  },
);

test('every flag that changes nothing is named once in the log', async () => {
  const pairs = ['-C', '--plugins-path', '-prov', '-a', '-user', '-pwd', '-b', '-z', '-p'].flatMap((flag) => [
    flag,
    'x',
  ]);
  const agent = startAgent(flow, [...pairs, '-Xmx1g', '-javaagent:x.jar']);
  await portOf(agent);
  const said = linesOf(agent).filter(({ level }) => level === 'warn');
  expect(said.map(({ msg }) => msg.split(' ')[0])).toEqual([
    '-Xmx1g',
    '--classpath',
    '--plugins-path',
    '--conf-provider',
    '--auth-provider',
    '--conf-user',
    '--conf-password',
    '--backup-directory',
    '--zkConnString',
    '--zkBasePath',
  ]);
});

/** The process at the end of a chain of processes that each have one child. */
function lastOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return child ? lastOf(Number(child)) : pid;
}

test.skipIf(process.platform !== 'linux')(
  'SIGHUP reads the configuration again, but the end of the terminal stops an agent',
  async () => {
    const cwd = directoryWith({ 'flow.conf': flow });
    const { child, written } = startBinOnTerminal('millrace', ['agent', '-n', 'a1', '-f', 'flow.conf'], { cwd });
    await vi.waitFor(() => expect(written.stdout).toContain('Listening.'), 10_000);
    const pid = lastOf(child.pid!);
    onTestFinished(() => {
      if (isThere(pid)) process.kill(pid, 'SIGKILL');
    });
    process.kill(pid, 'SIGHUP');
    await vi.waitFor(() => expect(written.stdout).toContain('Reloaded: nothing to change.'), 10_000);
    expect(isThere(pid)).toBe(true);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(isThere(pid)).toBe(false), 10_000);
  },
);

function isThere(pid: number): boolean {
  try {
    // One that has ended is there until its parent has looked.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test.for([
  ['a2', flow, 'There is no agent "a2"'],
  ['a1', flow.replace('netcat', 'netcta').replace('logger', 'loger'), 'did you mean "netcat"?'],
] as const)(
  'agent %s of a file that leaves it nothing to run ends with 1, and the reason is for people',
  async ([name, text, reason]) => {
    const cwd = directoryWith({ 'flow.conf': text });
    const { code, stdout, stderr } = await runBin('flume-ng', ['agent', '-n', name, '-f', 'flow.conf'], { cwd });
    expect(stderr).toContain(reason);
    expect(stderr).toMatch(/^flow\.conf:\d+:\d+: error: /m);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  },
);
