import { appendFileSync, existsSync, mkdtempDisposableSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, loggedBodies, type RunningAgent, runAgent } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { Example } from './hops/example.ts';

const scratchDirectory = () => mkdtempDisposableSync(join(tmpdir(), 'millrace-exec-'));

/** An agent that runs a command in a shell, and brings its lines to a sink. */
const flow = (command: string, { source = '', channel = '', sink = 'type = logger' } = {}) =>
  `
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = exec
a1.sources.r1.shell = /bin/sh -c
a1.sources.r1.command = ${command}
a1.sources.r1.channels = c1
${source && `a1.sources.r1.${source}`}
a1.channels.c1.type = memory
${channel && `a1.channels.c1.${channel}`}
a1.sinks.k1.${sink}
a1.sinks.k1.channel = c1
`;

/** Whether a process is there and has not ended. */
const isThere = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

async function pidIn(file: string): Promise<number> {
  await eventually(() => existsSync(file) && readFileSync(file, 'utf8')).toMatch(/^\d+\n$/);
  return Number(readFileSync(file, 'utf8'));
}

/** What a component's figures were when the agent ended. */
const figuresOf = (agent: RunningAgent, component: string) =>
  agent.log.find((line) => line.component === component && line.msg.startsWith('Its figures at the end'));

describe('an example', () => {
  test('exec-logger.conf prints the lines of a file, also when it is rotated', async () => {
    using scratch = scratchDirectory();
    const log = join(scratch.path, 'app.log');
    appendFileSync(log, 'was there\n');
    const [example] = await Example.read(['exec-logger.conf'], scratch.path);
    await using agent = await runAgent(example!.text);
    await eventually(() => loggedBodies(agent.output)).toEqual(['was there']);
    appendFileSync(log, 'and more\n');
    await eventually(() => loggedBodies(agent.output)).toEqual(['was there', 'and more']);
    renameSync(log, `${log}.1`);
    appendFileSync(log, 'in a new file\n');
    await eventually(() => loggedBodies(agent.output)).toEqual(['was there', 'and more', 'in a new file']);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  test('exec-restart.conf prints what the command says, again and again', async () => {
    using scratch = scratchDirectory();
    const [example] = await Example.read(['exec-restart.conf'], scratch.path);
    await using agent = await runAgent(example!.text.replace('restartThrottle = 10000', 'restartThrottle = 100'));
    await eventually(() => loggedBodies(agent.output).length).toBeGreaterThan(2);
    for (const line of loggedBodies(agent.output)) expect(line).toMatch(/^load [\d.]+$/);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  test('stress-null.conf makes as many events a second as it says', async () => {
    using scratch = scratchDirectory();
    const [example] = await Example.read(['stress-null.conf'], scratch.path);
    const began = performance.now();
    await using agent = await runAgent(example!.text);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    const seconds = (performance.now() - began) / 1_000;
    const { accepted } = figuresOf(agent, 'a1.sources.load') as unknown as { accepted: number };
    expect(accepted).toBeGreaterThan(50_000);
    expect(accepted).toBeLessThan(100_000 * (seconds + 1));
    expect(figuresOf(agent, 'a1.sinks.nowhere')).toMatchObject({ delivered: accepted });
  });
});

describe('an agent that runs a command', () => {
  test('ends it when it is stopped, though it writes all the time, and accounts for what was read', async () => {
    using scratch = scratchDirectory();
    const file = join(scratch.path, 'pid');
    await using agent = await runAgent(flow(`echo $$ > ${file}; yes | cat`, { sink: 'type = null' }));
    const pid = await pidIn(file);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const began = performance.now();
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(isThere(pid)).toBe(false);
    const figures = figuresOf(agent, 'a1.sources.r1') as unknown as Record<string, number>;
    const { accepted, received, rejected } = figures as { accepted: number; received: number; rejected: number };
    expect(accepted).toBeGreaterThan(10_000);
    expect(received).toBe(accepted + rejected);
    expect(figuresOf(agent, 'a1.sinks.k1')).toMatchObject({ delivered: accepted });
  });

  test('leaves it to end at its next line when it is killed itself', async () => {
    using scratch = scratchDirectory();
    const file = join(scratch.path, 'pid');
    await using agent = await runAgent(flow(`echo $$ > ${file}; while :; do echo line; sleep 0.2; done`));
    const pid = await pidIn(file);
    await agent.stop('SIGKILL');
    await eventually(() => isThere(pid)).toBe(false);
  });

  test('ends it when the worker of its source crashes, and runs it again', async () => {
    using scratch = scratchDirectory();
    const file = join(scratch.path, 'pid');
    const crash = join(scratch.path, 'crash.cjs');
    writeFileSync(
      crash,
      `const { threadId, isMainThread } = require('node:worker_threads');
       const { existsSync, rmSync } = require('node:fs');
       const { ChildProcess } = require('node:child_process');
       if (!isMainThread) setInterval(() => {
         if (!existsSync('${scratch.path}/now') || ChildProcess.prototype.ran !== true) return;
         rmSync('${scratch.path}/now');
         throw new Error('crashed on purpose');
       }, 20).unref();
       const { spawn } = ChildProcess.prototype;
       ChildProcess.prototype.spawn = function (...args) { ChildProcess.prototype.ran = true; return spawn.apply(this, args); };`,
    );
    await using agent = await runAgent(flow(`echo $$ > ${file}; echo begun; sleep 65`, { source: 'batchSize = 1' }), {
      environment: { NODE_OPTIONS: `--require ${crash}` },
    });
    const pid = await pidIn(file);
    await eventually(() => loggedBodies(agent.output)).toEqual(['begun']);
    writeFileSync(join(scratch.path, 'now'), '');
    await eventually(() => loggedBodies(agent.output)).toEqual(['begun', 'begun']);
    expect(isThere(pid)).toBe(false);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  test('is not filled by a line without end', async () => {
    const command = 'head -c 200000000 /dev/zero | tr "\\\\0" x; echo; echo over >&2; sleep 60';
    await using agent = await runAgent(flow(command, { source: 'logStdErr = true', sink: 'type = null' }));
    let most = 0;
    const isOver = () => {
      most = Math.max(most, agent.rssBytes());
      return agent.log.some(({ msg }) => msg.endsWith('over'));
    };
    await eventually(isOver).toBe(true);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(figuresOf(agent, 'a1.sinks.k1')).toMatchObject({ delivered: 24 });
    expect(agent.log.filter(({ msg }) => msg.startsWith('A line is longer than'))).toHaveLength(1);
    expect(most).toBeLessThan(300 << 20);
  });
});
