import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  eventually,
  LineClient,
  loggedBodies,
  type RunAgentOptions,
  type RunningAgent,
  runAgent,
} from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { pause } from './faults/agent.ts';
import { fileChannel, scratchDirectory } from './file-channel/agent.ts';

const memory = (properties = '') => `type = memory\n capacity = 10000\n transactionCapacity = 100\n ${properties}`;
const logger = 'type = logger';
/** A sink whose peer is not there. */
const deaf = 'type = avro\n hostname = 127.0.0.1\n port = 1';

interface Parts {
  readonly sources?: Readonly<Record<string, string>>;
  readonly channels?: Readonly<Record<string, string>>;
  readonly sinks?: Readonly<Record<string, string>>;
  /** Lines of other agents. */
  readonly others?: string;
}

/** A configuration of `a1`, by the properties of its components; those of a netcat source may be left out. */
function configuration(parts: Parts): string {
  const { sources = { r1: '' }, channels = { c1: memory() }, sinks = { k1: logger }, others = '' } = parts;
  const [channel] = Object.keys(channels);
  const kinds = {
    sources: (properties: string) =>
      `type = netcat\n bind = 127.0.0.1\n port = 0\n channels = ${channel}\n ${properties}`,
    channels: (properties: string) => properties,
    sinks: (properties: string) => `channel = ${channel}\n ${properties}`,
  };
  const lines = Object.entries({ sources, channels, sinks }).flatMap(([kind, components]) => [
    `a1.${kind} = ${Object.keys(components).join(' ')}`,
    ...Object.entries(components).flatMap(([name, properties]) =>
      kinds[kind as keyof typeof kinds](properties)
        .split('\n')
        .map((line) => `a1.${kind}.${name}.${line.trim()}`)
        .filter((line) => line.includes('=')),
    ),
  ]);
  return [...lines, others].join('\n');
}

/** An agent whose configuration can be written anew. */
async function start(parts: Parts, options: RunAgentOptions = {}) {
  const scratch = scratchDirectory();
  const file = join(scratch.path, 'a1.conf');
  writeFileSync(file, configuration(parts));
  const agent = await runAgent(file, options);
  onTestFinished(async () => {
    await agent[Symbol.asyncDispose]();
    scratch.remove();
  });
  const reloads = () => agent.log.filter(({ msg, code }) => /^Reloaded/.test(msg) || code === 'MR_RELOAD');
  return {
    agent,
    directory: scratch.path,
    write: (next: Parts) => writeFileSync(file, configuration(next)),
    reloads,
    /** Writes the configuration, asks for it, and answers with the line of the log that tells how that went. */
    async reload(next: Parts) {
      const before = reloads().length;
      writeFileSync(file, configuration(next));
      agent.process.kill('SIGHUP');
      await eventually(() => reloads().length).toBeGreaterThan(before);
      return reloads().at(-1)!;
    },
    touch: (inSeconds: number) => utimesSync(file, new Date(), new Date(Date.now() + inSeconds * 1_000)),
  };
}

async function send(agent: RunningAgent, lines: readonly string[], source = 'r1'): Promise<void> {
  const client = await LineClient.connect(agent.port(source));
  await client.write(lines.map((line) => `${line}\n`).join(''));
  expect(await client.lines(lines.length)).toEqual(lines.map(() => 'OK'));
  await client.close();
}

const threadsOf = ({ process: { pid } }: RunningAgent) => new Set(readdirSync(`/proc/${pid}/task`));
const changed = (line: Readonly<Record<string, unknown>>) =>
  (line['changes'] as { what: string; id: string }[]).map(({ what, id }) => `${what} ${id}`);
const fifty = Array.from({ length: 50 }, (_, number) => `line ${number}`);

test('a configuration with a mistake changes nothing and says why, and what is right is taken on then', async () => {
  const { agent, reload } = await start({});
  const client = await LineClient.connect(agent.port('r1'));
  const refused = await reload({ sinks: { k1: 'type = loger' }, sources: { r1: 'max-line-length = 100' } });
  expect(refused).toMatchObject({ level: 'error', code: 'MR_RELOAD' });
  expect(agent.log).toContainEqual(
    expect.objectContaining({ subject: 'a1.sinks.k1.type', suggestion: 'did you mean "logger"?' }),
  );
  await client.write('still there\n');
  expect(await client.lines(1)).toEqual(['OK']);
  await eventually(() => loggedBodies(agent.output)).toEqual(['still there']);
  // A mistake of another agent in the same file is its own.
  const others = 'b1.sources = r1\nb1.channels = c1\nb1.sources.r1.type = netcta';
  const right = await reload({ sources: { r1: 'max-line-length = 100' }, others });
  expect(changed(right)).toEqual(['restart a1.sources.r1']);
  await client.closed;
});

test('a sink that changes is the only one that restarts: one thread goes and one comes, and connections stay', async () => {
  const sinks = (bytes: number) => ({ k1: logger, k2: `${logger}\n maxBytesToLog = ${bytes}`, k3: logger });
  const { agent, reload } = await start({ sinks: sinks(16) });
  const client = await LineClient.connect(agent.port('r1'));
  await client.write('before\n');
  expect(await client.lines(1)).toEqual(['OK']);
  const before = threadsOf(agent);
  const line = await reload({ sinks: sinks(15) });
  expect(line).toMatchObject({
    msg: 'Reloaded: 1 restarted, 4 untouched.',
    changes: [{ id: 'a1.sinks.k2', what: 'restart', why: 'maxBytesToLog 16 → 15' }],
  });
  const after = threadsOf(agent);
  expect(before.difference(after).size).toBe(1);
  expect(after.difference(before).size).toBe(1);
  await client.write('after\n');
  expect(await client.lines(1)).toEqual(['OK']);
});

test('a memory channel with another capacity keeps what it has, in order', async () => {
  const { agent, reload } = await start({ sinks: { k1: deaf } });
  await send(agent, fifty);
  const channels = { c1: memory('byteCapacity = 1000000') };
  const line = await reload({ channels, sinks: { k1: logger } });
  expect(changed(line)).toEqual(['restart a1.channels.c1', 'restart a1.sinks.k1', 'restart a1.sources.r1']);
  await eventually(() => loggedBodies(agent.output)).toEqual(fifty);
});

test('a file channel with another capacity keeps what it has, in order', async () => {
  using scratch = scratchDirectory();
  const channel = (properties: string) => ({
    c1: fileChannel('c1', scratch.path, properties).replaceAll('a1.channels.c1.', ''),
  });
  const { agent, reload } = await start({ channels: channel('capacity = 20000'), sinks: { k1: deaf } });
  await send(agent, fifty);
  await reload({ channels: channel('capacity = 30000'), sinks: { k1: logger } });
  await eventually(() => loggedBodies(agent.output)).toEqual(fifty);
});

test('a removed memory channel goes when what it has is delivered, by a sink whose mistake was corrected in the same step', async () => {
  const { agent, reload } = await start({ sinks: { k1: deaf } });
  await send(agent, fifty);
  const line = await reload({ channels: { c2: memory() } });
  expect(line['remarks']).toEqual([
    'a1.channels.c1 is not in the configuration any more and is kept until its 50 events are delivered.',
  ]);
  await eventually(() => loggedBodies(agent.output)).toEqual(fifty);
  await send(agent, ['after']);
  await eventually(() => loggedBodies(agent.output)).toEqual([...fifty, 'after']);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
});

test('a source goes to another port, and one that comes listens', async () => {
  const { agent, reload } = await start({});
  const old = agent.port('r1');
  await reload({ sources: { r1: 'max-line-length = 100', r2: '' } });
  await expect(LineClient.connect(old)).rejects.toThrow('ECONNREFUSED');
  await send(agent, ['one']);
  await send(agent, ['two'], 'r2');
  await eventually(() => loggedBodies(agent.output)).toEqual(['one', 'two']);
});

test('a file that was written is read again at the poll interval, and not before it was written once more', async () => {
  const { agent, write, reloads, touch } = await start({}, { args: ['--poll-interval', '1'] });
  write({ sinks: { k1: 'type = loger' } });
  touch(1);
  await eventually(() => reloads().map(({ level }) => level)).toEqual(['error']);
  await pause(2_500);
  expect(reloads()).toHaveLength(1);
  write({ sinks: { k1: logger, k2: logger } });
  touch(2);
  await eventually(() => reloads().map(({ msg }) => msg)).toContain('Reloaded: 1 started, 3 untouched.');
  await send(agent, ['well']);
});

test('with --no-reload-conf a file is read again only when somebody asks for it', async () => {
  const { agent, write, reloads, touch } = await start({}, { args: ['--poll-interval', '1', '--no-reload-conf'] });
  write({ sinks: { k1: logger, k2: logger } });
  touch(1);
  await pause(2_500);
  expect(reloads()).toEqual([]);
  agent.process.kill('SIGHUP');
  await eventually(() => reloads().map(({ msg }) => msg)).toEqual(['Reloaded: 1 started, 3 untouched.']);
});

/** Sends numbered lines as long as it is let, over a new connection whenever one ends; tells which were answered with OK. */
function keepSending(agent: () => RunningAgent, name: string) {
  const confirmed: string[] = [];
  let ended = false;
  const running = (async () => {
    for (let number = 0; !ended; ) {
      try {
        const client = await LineClient.connect(agent().port('r1'));
        for (; !ended; number += 20) {
          const lines = Array.from({ length: 20 }, (_, at) => `${name}${String(number + at).padStart(8, '0')}`);
          await client.write(lines.map((line) => `${line}\n`).join(''));
          const answers = await client.lines(20);
          confirmed.push(...lines.filter((_, at) => answers[at] === 'OK'));
          if (answers.length < 20) break;
        }
        client.socket.destroy();
        number += 20;
      } catch {
        await pause(5);
      }
    }
  })();
  return {
    confirmed,
    async end() {
      ended = true;
      await running;
    },
  };
}

test('fifty reloads on SIGHUP under load lose nothing that was answered', async () => {
  using scratch = scratchDirectory();
  const parts = (round: number): Parts => ({
    sources: { r1: `channels = c1 c2\n max-line-length = ${500 + (round % 4 === 0 ? round : 0)}` },
    channels: {
      c1: memory(`keep-alive = ${3 + (round % 4 === 1 ? round : 0)}`),
      c2: fileChannel('c2', scratch.path, `capacity = ${20_000 + (round % 4 === 2 ? round : 0)}`).replaceAll(
        'a1.channels.c2.',
        '',
      ),
    },
    sinks: { k1: `${logger}\n maxBytesToLog = ${round % 4 === 3 ? 16 : 15}`, k2: 'type = null\n channel = c2' },
  });
  const { agent, reload } = await start(parts(0));
  const clients = ['a', 'b', 'c'].map((name) => keepSending(() => agent, name));
  for (let round = 1; round <= 50; round += 1) expect((await reload(parts(round)))['changes']).not.toEqual([]);
  await Promise.all(clients.map((client) => client.end()));
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  const delivered = new Set(loggedBodies(agent.output));
  const confirmed = clients.flatMap((client) => client.confirmed);
  expect(confirmed.length).toBeGreaterThan(1_000);
  expect(confirmed.filter((line) => !delivered.has(line))).toEqual([]);
}, 120_000);

test('kill -9 in the middle of a reload loses nothing that a file channel has answered', async () => {
  using scratch = scratchDirectory();
  const parts = (round: number): Parts => ({
    channels: {
      c1: fileChannel('c1', scratch.path, `capacity = ${20_000 + round}`).replaceAll('a1.channels.c1.', ''),
    },
  });
  const file = join(scratch.path, 'a1.conf');
  writeFileSync(file, configuration(parts(0)));
  const delivered = new Set<string>();
  const confirmed: string[] = [];
  let killedInTime = 0;
  for (let round = 1; round <= 8; round += 1) {
    await using agent = await runAgent(file);
    const client = keepSending(() => agent, String.fromCharCode(96 + round));
    await eventually(() => client.confirmed.length).toBeGreaterThan(100);
    writeFileSync(file, configuration(parts(round)));
    agent.process.kill('SIGHUP');
    await pause(round * 15);
    await agent.stop('SIGKILL');
    if (!agent.log.some(({ msg }) => msg.startsWith('Reloaded'))) killedInTime += 1;
    await client.end();
    confirmed.push(...client.confirmed);
    for (const body of loggedBodies(agent.output)) delivered.add(body);
  }
  expect(killedInTime).toBeGreaterThan(2);
  await using last = await runAgent(file);
  await send(last, ['last']);
  await eventually(() => loggedBodies(last.output)).toContain('last');
  for (const body of loggedBodies(last.output)) delivered.add(body);
  expect(confirmed.filter((line) => !delivered.has(line))).toEqual([]);
}, 120_000);
