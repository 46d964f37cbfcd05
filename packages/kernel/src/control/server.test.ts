import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { memoryLog } from '../fixtures/memory-log.ts';
import { connectAgent } from './client.ts';
import { type Codec, FrameReader, loadCodec } from './frames.ts';
import type { AgentReport, Controlled } from './messages.ts';
import { CLIENTS_MAX, type ControlOptions, serveControl } from './server.ts';

let codec: Codec;
beforeAll(async () => {
  codec = await loadCodec();
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-run-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** An agent that can be controlled, in as far as its socket goes. */
async function serve(handle: Partial<Controlled> = {}, options: Partial<ControlOptions> = {}) {
  const log = memoryLog();
  const asked = { status: 0, stop: 0 };
  const whole: Controlled = {
    status() {
      asked.status += 1;
      return { agent: 'a1' } as AgentReport;
    },
    stop() {
      asked.stop += 1;
    },
    reload: async (planOnly) => ({
      outcome: planOnly ? 'planned' : 'applied',
      changes: { changes: [], untouched: 3, remarks: [] },
      diagnostics: [],
    }),
    ...handle,
  };
  const server = await serveControl({ agent: 'a1', directory: scratch(), log, handle: whole, ...options });
  onTestFinished(() => server.close());
  return { server, log, asked, path: server.path };
}

/** A client that says what it likes, and keeps what it hears. */
async function bare(path: string) {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  const heard: unknown[] = [];
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const reader = new FrameReader(1 << 24);
  socket.on('error', () => {});
  socket.on('data', (piece: Buffer) => {
    for (const frame of reader.read(piece)) heard.push(codec.decode(frame));
  });
  await once(socket, 'connect');
  return { socket, heard, closed };
}

const friend = async (path: string) => {
  const client = await connectAgent(path, 5_000);
  onTestFinished(() => client.close());
  return client;
};

test('an agent says who it is, and answers what it is asked', async () => {
  const { path, asked } = await serve();
  const client = await friend(path);
  expect(await client.greeted).toEqual({
    millrace: 1,
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    agent: 'a1',
    pid: process.pid,
  });
  expect(await client.ask({ ask: 'status' })).toEqual({ agent: 'a1' });
  expect(await client.ask({ ask: 'reload', planOnly: true })).toMatchObject({ outcome: 'planned' });
  expect(await client.ask({ ask: 'reload', planOnly: false })).toMatchObject({ outcome: 'applied' });
  expect(await client.ask({ ask: 'stop' })).toBe(null);
  expect(asked).toEqual({ status: 1, stop: 1 });
});

test('nobody but its user can reach the socket', async () => {
  const { path } = await serve();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
});

test('a request that fails is answered with why, and the next one is answered too', async () => {
  const { path } = await serve({ reload: () => Promise.reject(new Error('The file is gone.')) });
  const client = await friend(path);
  await expect(client.ask({ ask: 'reload', planOnly: false })).rejects.toThrow('The file is gone.');
  expect(await client.ask({ ask: 'status' })).toEqual({ agent: 'a1' });
});

test('an answer that is too long for any client is not sent, and said to be', async () => {
  const { path } = await serve({ status: () => ({ agent: 'x'.repeat(17 << 20) }) as AgentReport });
  await expect((await friend(path)).ask({ ask: 'status' })).rejects.toThrow(/must not have more than 16777216/);
});

const frameOf = (message: unknown) => codec.encode(message as object);
const misdeeds: readonly (readonly [what: string, bytes: () => Buffer | string])[] = [
  ['sends a line of text', () => 'GET / HTTP/1.1\r\n\r\n'],
  ['lies about the length', () => Buffer.from([0x7f, 0xff, 0xff, 0xff, 1])],
  ['sends what is no MessagePack', () => Buffer.from([0, 0, 0, 3, 0xc1, 0xc1, 0xc1])],
  ['asks for what there is not', () => frameOf({ id: 1, ask: 'format' })],
  ['asks without a number', () => frameOf({ ask: 'status' })],
  ['asks for a reload without saying which', () => frameOf({ id: 1, ask: 'reload' })],
  ['sends a number', () => frameOf(1)],
];

test.for(misdeeds)('a client that %s is told and disconnected; others are answered', async ([, bytes]) => {
  const { path, log } = await serve();
  const other = await friend(path);
  for (let times = 0; times < 20; times += 1) {
    const { socket, heard, closed } = await bare(path);
    socket.write(bytes());
    await closed;
    expect(heard.slice(1)).toEqual([
      {
        id: 0,
        ok: false,
        code: 'MR_CONTROL',
        message: expect.stringContaining('sent what is no request. The control'),
      },
    ]);
  }
  expect(await other.ask({ ask: 'status' })).toEqual({ agent: 'a1' });
  expect(log.lines).toEqual(['A client of the control socket sent what is no request, and was disconnected.']);
});

test('a client that is silent is told and disconnected, also when it began to say something', async () => {
  const { path, log } = await serve({}, { patienceMs: 100 });
  const silent = await bare(path);
  const slow = await bare(path);
  slow.socket.write(frameOf({ id: 1, ask: 'status' }));
  slow.socket.write(frameOf({ id: 2, ask: 'status' }).subarray(0, 5));
  await Promise.all([silent.closed, slow.closed]);
  const told = { id: 0, ok: false, message: 'This client asked nothing for 0.1 s.' };
  expect(silent.heard[1]).toMatchObject(told);
  expect(slow.heard.slice(1)).toMatchObject([{ id: 1, ok: true }, told]);
  expect(log.lines).toHaveLength(1);
});

test('a client whose answer takes long is not taken for silent', async () => {
  const { promise, resolve } = Promise.withResolvers<never>();
  const { path } = await serve({ reload: () => promise }, { patienceMs: 50 });
  const answer = (await friend(path)).ask({ ask: 'reload', planOnly: true });
  setTimeout(() => resolve({ outcome: 'planned' } as never), 300);
  expect(await answer).toEqual({ outcome: 'planned' });
});

test('a client that reads no answers is disconnected, and keeps nothing busy until then', async () => {
  const report = { agent: 'x'.repeat(1 << 20) } as AgentReport;
  const status = vi.fn(() => report);
  const { path, log } = await serve({ status }, { patienceMs: 1_000 });
  const many = Buffer.concat(Array.from({ length: 10_000 }, (_, at) => frameOf({ id: at + 1, ask: 'status' })));
  const { socket } = await bare(path);
  socket.pause();
  socket.write(many);
  const other = await friend(path);
  expect(await other.ask({ ask: 'status' })).toEqual(report);
  other.close();
  await vi.waitFor(() => expect(log.lines).toHaveLength(1), 10_000);
  expect(log.lines[0]).toContain('did not read an answer for 1 s');
  expect(status.mock.calls.length).toBeLessThan(5);
});

test('of 100 clients at a time 64 are answered, the others are told, and there is room again when those are gone', async () => {
  const { path, log } = await serve();
  const clients = await Promise.all(Array.from({ length: 100 }, () => bare(path)));
  const refused = () => clients.filter(({ heard }) => heard.length > 0 && !isGreeting(heard[0]));
  await vi.waitFor(() => expect(clients.every(({ heard }) => heard.length > 0)).toBe(true), 10_000);
  expect(refused()).toHaveLength(100 - CLIENTS_MAX);
  expect(refused()[0]?.heard).toMatchObject([{ ok: false, message: expect.stringContaining('one too many') }]);
  await Promise.all(refused().map(({ closed }) => closed));
  expect(log.lines).toHaveLength(1);

  for (const { socket } of clients) socket.destroy();
  await vi.waitFor(
    async () => expect(await (await friend(path)).ask({ ask: 'status' })).toEqual({ agent: 'a1' }),
    10_000,
  );
});

const isGreeting = (message: unknown) => typeof message === 'object' && message !== null && 'millrace' in message;

test('those who asked for the stop hear how it went, and the end of their connection is that of the process', async () => {
  const { server, path } = await serve();
  const [waiting, idle] = [await friend(path), await friend(path)];
  await waiting.ask({ ask: 'stop' });
  const ended = { exitCode: 1, lost: [{ channel: 'a1.channels.c1', events: null }], stuck: [] };
  server.close(ended);
  expect(existsSync(path)).toBe(false);
  expect(await idle.closed).toBeUndefined();
  expect(await Promise.race([waiting.closed, new Promise((resolve) => setTimeout(resolve, 100, 'open'))])).toBe('open');
  waiting.close();
  expect(await waiting.closed).toEqual(ended);
});

test('a client whose agent is gone is told so, whether it has asked or asks', async () => {
  const { server, path } = await serve({ reload: () => new Promise(() => {}) });
  const client = await friend(path);
  const asked = expect(client.ask({ ask: 'reload', planOnly: true })).rejects.toThrow('has closed the connection');
  await friend(path);
  server.close();
  await asked;
  await expect(client.ask({ ask: 'status' })).rejects.toThrow('has closed the connection');
});

/** A process that listens on a path; it is killed at the end of the test. */
async function listener(path: string): Promise<ChildProcess> {
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('listens'))`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

test('sockets of agents that were killed are removed, those of living ones stay', async () => {
  const directory = scratch();
  const place = (name: string) => join(directory, `${name}.sock`);
  const [dead, alive] = [await listener(place('dead')), await listener(place('alive'))];
  renameSync(place('dead'), place(`a1.${dead.pid}`));
  renameSync(place('alive'), place(`a1.${alive.pid}`));
  dead.kill('SIGKILL');
  await once(dead, 'exit');

  const { path } = await serve({}, { directory });
  expect(
    readdirSync(directory)
      .map((name) => join(directory, name))
      .sort(),
  ).toEqual([path, place(`a1.${alive.pid}`)].sort());
});

test('a socket that an earlier process of the same number has left behind is replaced', async () => {
  const directory = scratch();
  const path = join(directory, `a1.${process.pid}.sock`);
  const dead = await listener(path);
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  expect(existsSync(path)).toBe(true);
  expect((await serve({}, { directory })).path).toBe(path);
  expect(await (await friend(path)).ask({ ask: 'status' })).toEqual({ agent: 'a1' });
});

test('a socket that cannot be made is refused with its path', async () => {
  const { path } = await serve();
  await expect(serve({}, { directory: join(path, '..') })).rejects.toThrow(
    `${path} cannot be listened on (EADDRINUSE)`,
  );
});

/** A server that is no agent of this version. */
async function impostor(greet: (socket: Socket) => void): Promise<string> {
  const path = join(scratch(), 'x.sock');
  const server = createServer(greet).listen(path);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return path;
}

test.for([
  ['does not greet', () => {}, 'no answer within 0.2 s'],
  ['hangs up', (socket: Socket) => socket.end(), 'has closed the connection'],
  [
    'speaks another version',
    (socket: Socket) => socket.end(frameOf({ millrace: 2, version: '9.0.0' })),
    'of Millrace 9.0.0',
  ],
  ['sends garbage', (socket: Socket) => socket.end(Buffer.alloc(100, 0xff)), 'A frame says'],
] as const)('a client of something that %s is told so', async ([, greet, words]) => {
  await expect(connectAgent(await impostor(greet), 200)).rejects.toThrow(words);
});

const isRoot = process.geteuid?.() === 0;

test.skipIf(!isRoot)('another user can neither connect nor see that there is a socket (needs root)', async () => {
  const { path } = await serve();
  const attempts = `
    const { readdirSync, statSync } = require('node:fs');
    const [socket, directory] = process.argv.slice(1);
    for (const attempt of [() => readdirSync(directory), () => statSync(socket)]) {
      try { attempt(); console.log('succeeded'); } catch (error) { console.log(error.code); }
    }
    require('node:net').connect(socket).on('connect', () => console.log('succeeded')).on('error', (error) => console.log(error.code));`;
  const heard = async (as: object) => {
    const child = spawn(process.execPath, ['-e', attempts, path, join(path, '..')], { stdio: 'pipe', cwd: '/', ...as });
    onTestFinished(() => void child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
      if (text.split('\n').length > 3) child.kill();
    });
    await once(child, 'close');
    return text.trim().split('\n');
  };
  expect(await heard({})).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(await heard({ uid: 65_534, gid: 65_534 })).toEqual(['EACCES', 'EACCES', 'EACCES']);

  // The socket refuses by itself, too.
  chmodSync(join(path, '..'), 0o755);
  expect((await heard({ uid: 65_534, gid: 65_534 }))[2]).toBe('EACCES');
});
if (!isRoot) console.warn('Not root, so no other user tries to reach a control socket.');
