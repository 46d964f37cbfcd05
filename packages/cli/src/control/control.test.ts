import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentReport } from '@millrace/kernel/control/messages';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runBin, type StartedBin, startBin } from '../bin.test.fixture.ts';

/** A place of its own for configurations and sockets, and commands that know only that one. */
function scratch() {
  const cwd = mkdtempSync(join(tmpdir(), 'millrace-control-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const env = { MILLRACE_RUN_DIR: join(cwd, 'run') };
  const started: StartedBin[] = [];
  return {
    cwd,
    sockets: () => readdirSync(env.MILLRACE_RUN_DIR),
    millrace: (...args: readonly string[]) => runBin('millrace', args, { cwd, env }),
    /** Starts an agent, and waits until it can be reached. */
    async agent(name: string, text: string): Promise<StartedBin> {
      const file = `${started.length}.conf`;
      writeFileSync(join(cwd, file), text.replaceAll('AGENT', name));
      const agent = startBin('millrace', ['agent', '-n', name, '-f', file], { cwd, env });
      started.push(agent);
      await vi.waitFor(() => expect(agent.written.stderr).toContain('Can be asked and steered'), 10_000);
      return agent;
    },
  };
}

const flow = (source: string, sink: string) => `
AGENT.sources = r1
AGENT.channels = c1
AGENT.sinks = k1
AGENT.sources.r1.type = ${source}
AGENT.sources.r1.channels = c1
AGENT.channels.c1.type = memory
AGENT.channels.c1.capacity = 200
AGENT.sinks.k1.type = ${sink}
AGENT.sinks.k1.channel = c1
`;

const idle = flow('seq\nAGENT.sources.r1.totalEvents = 500', 'null');
/** Its sink waits for a peer that never comes; its channel fills up with 200 events. */
const blocked = flow(
  'seq\nAGENT.sources.r1.totalEvents = 200',
  'avro\nAGENT.sinks.k1.hostname = 127.0.0.1\nAGENT.sinks.k1.port = 1',
);

/** Until `status` ends with a code. */
async function statusThatEndsWith(code: number, { millrace }: ReturnType<typeof scratch>, ...args: readonly string[]) {
  return vi.waitFor(async () => {
    const output = await millrace('status', ...args);
    expect(output.code, output.stderr).toBe(code);
    return output;
  }, 15_000);
}

/** A status with figures replaced by as many `#`, so that the columns stay. */
const masked = (text: string) =>
  text
    .replace(/process \d+, started .*?, Millrace [\w.-]+/, 'process P, started T, Millrace V')
    .replace(/ +[\d,.]+(?= |$)/gm, (figure) => '#'.padStart(figure.length));

test('status tells people what runs, what is queued, and how fast', async () => {
  const place = scratch();
  await place.agent('a1', idle);
  await statusThatEndsWith(0, place);
  await vi.waitFor(async () => expect((await place.millrace('status')).stdout).toMatch(/k1 null ← c1 +500 /), 10_000);
  const { code, stdout, stderr } = await place.millrace('status');
  expect(masked(stdout)).toMatchInlineSnapshot(`
    "a1 is running: process P, started T, Millrace V

    source       accepted  per second  restarts  state
    r1 seq → c1         #           #         #  running

    channel    queued  fill  oldest  in per second  out per second  state
    c1 memory       #   # %                      #               #  running

    sink          delivered  per second  restarts  state
    k1 null ← c1          #           #         #  running
    "
  `);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('status --json has every figure, as a list of agents', async () => {
  const place = scratch();
  const a1 = await place.agent('a1', blocked);
  await vi.waitFor(async () => {
    const { stdout } = await statusThatEndsWith(0, place, '--json', '-n', 'a1');
    const [report, ...others]: AgentReport[] = JSON.parse(stdout);
    expect(others).toEqual([]);
    expect(report).toMatchObject({
      agent: 'a1',
      pid: a1.child.pid,
      state: 'running',
      sources: [{ kind: 'source', id: 'a1.sources.r1', type: 'seq', channels: ['c1'], figures: { accepted: 200 } }],
      channels: [{ kind: 'channel', capacity: 200, queued: 200, fillPercent: 100, durable: false }],
      sinks: [{ kind: 'sink', name: 'k1', restarts: 0, figures: { delivered: 0 } }],
    });
    expect(report?.channels[0]?.oldestMs).toBeGreaterThan(0);
  }, 10_000);
});

test('a component that does not run is named with its reason, and the status ends with 1', async () => {
  const place = scratch();
  const inUse = flow('netcat\nAGENT.sources.r1.bind = 192.0.2.1\nAGENT.sources.r1.port = 1', 'null');
  await place.agent('a1', inUse);
  await vi.waitFor(async () => {
    const { stdout } = await statusThatEndsWith(1, place);
    expect(stdout).toMatch(/^a1\.sources\.r1 is (waiting|starting): .*EADDRNOTAVAIL/m);
  }, 10_000);
});

test('stop ends an agent with 0 and says so; then nobody answers', async () => {
  const place = scratch();
  const agent = await place.agent('a1', idle);
  await statusThatEndsWith(0, place);
  expect(place.sockets()).toEqual([`a1.${agent.child.pid}.sock`]);

  const { code, stdout, stderr } = await place.millrace('stop');
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /^a1 \(process \d+\) is stopping: .*\na1 has stopped\. What it had accepted was delivered, or is kept\.\n$/,
  );
  expect(code).toBe(0);
  // The command ends when the process has.
  expect(
    (await Promise.race([agent.ended, new Promise((resolve) => setTimeout(resolve, 1_000))])) as object,
  ).toMatchObject({ code: 0 });
  expect(place.sockets()).toEqual([]);

  const none = await place.millrace('status', '--json');
  expect(none.stderr).toContain(`No agent of this user runs; sockets were looked for in ${place.cwd}/run.`);
  expect(none.stdout).toBe('');
  expect(none.code).toBe(3);
  expect((await place.millrace('stop', '-n', 'a1')).code).toBe(3);
});

test('stop does not wait for longer than it is told, and a second one hears what was lost', async () => {
  const place = scratch();
  const agent = await place.agent('a1', blocked);
  await statusThatEndsWith(0, place);
  const impatient = await place.millrace('stop', '--timeout', '0.5');
  expect(impatient.stderr).toContain('a1 has not ended within 0.5 s, and goes on stopping');
  expect(impatient.code).toBe(1);
  expect(JSON.parse((await statusThatEndsWith(1, place, '--json')).stdout)[0].state).toBe('stopping');

  const patient = await place.millrace('stop');
  expect(patient.stderr).toContain('a1.channels.c1 lost 200 events: accepted, not delivered in time');
  expect(patient.code).toBe(1);
  expect((await agent.ended).code).toBe(1);
}, 60_000);

test('an agent that is killed while it stops is not said to have stopped', async () => {
  const place = scratch();
  const agent = await place.agent('a1', blocked);
  await statusThatEndsWith(0, place);
  const stopping = place.millrace('stop');
  await vi.waitFor(() => expect(agent.written.stderr).toContain('millrace stop'), 10_000);
  agent.child.kill('SIGKILL');
  const { code, stderr } = await stopping;
  expect(stderr).toContain('a1 has ended without saying how');
  expect(code).toBe(1);
});

test('reload says what it would do, does it, and says what is wrong when it cannot', async () => {
  const place = scratch();
  await place.agent('a1', idle);
  await statusThatEndsWith(0, place);
  const write = (text: string) => writeFileSync(join(place.cwd, '0.conf'), text.replaceAll('AGENT', 'a1'));

  const nothing = await place.millrace('reload');
  expect(nothing.stdout).toBe('There is nothing to change. 3 components go on untouched.\n');
  expect(nothing.code).toBe(0);

  write(`${idle}AGENT.sinks.k1.batchSize = 7\n`);
  const change = 'a1.sinks.k1  restart  batchSize 100 → 7\n2 components go on untouched.\n';
  for (const [args, title] of [
    [['--plan'], 'What a reload of a1 would do:'],
    [['--plan'], 'What a reload of a1 would do:'],
    [[], 'a1 has reloaded:'],
  ] as const) {
    const { code, stdout, stderr } = await place.millrace('reload', ...args);
    expect(stdout).toBe(`${title}\n${change}`);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  }

  write(flow('seq', 'nul'));
  for (const args of [['--plan'], []]) {
    const { code, stdout, stderr } = await place.millrace('reload', ...args);
    expect(stderr).toMatch(/^0\.conf:\d+:\d+: error: There is no sink type "nul"/);
    expect(stdout).toBe('The configuration of a1 has errors, so nothing was changed.\n');
    expect(code).toBe(1);
  }
  await statusThatEndsWith(0, place);
});

test('where several agents run, stop and reload ask which; names and processes answer that', async () => {
  const place = scratch();
  const first = await place.agent('a1', idle);
  const second = await place.agent('a1', idle);
  const long = 'n'.repeat(300);
  await place.agent(long, idle);
  await statusThatEndsWith(0, place);

  for (const args of [['stop'], ['reload'], ['stop', '-n', 'a1']]) {
    const { code, stderr } = await place.millrace(...args);
    expect(stderr).toContain('Which agent? These answer:\n');
    expect(stderr).toContain(`  a1 (process ${second.child.pid})\n`);
    expect(stderr.includes(long)).toBe(args.length === 1);
    expect(code).toBe(2);
  }
  expect(JSON.parse((await place.millrace('status', '-n', 'a1', '--json')).stdout)).toHaveLength(2);
  expect((await place.millrace('stop', '-n', 'a1', '--pid', `${first.child.pid}`)).code).toBe(0);
  expect((await place.millrace('stop', '-n', long)).code).toBe(0);
  const { code, stderr } = await place.millrace('status', '-n', 'a2');
  expect(stderr).toContain('No agent a2 of this user runs');
  expect(stderr).toContain(`These run: a1 (process ${second.child.pid})`);
  expect(code).toBe(3);
}, 60_000);

test('what an agent that was killed leaves behind is nobody’s trouble', async () => {
  const place = scratch();
  const killed = await place.agent('a1', idle);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(place.sockets()).toHaveLength(1);
  expect((await place.millrace('status')).code).toBe(3);
  expect(place.sockets()).toEqual([]);

  const again = await place.agent('a1', idle);
  await statusThatEndsWith(0, place, '-n', 'a1');
  expect(place.sockets()).toEqual([`a1.${again.child.pid}.sock`]);
});

test('an agent that hangs is told from one that is not there', async () => {
  const place = scratch();
  const agent = await place.agent('a1', idle);
  await statusThatEndsWith(0, place);
  agent.child.kill('SIGSTOP');
  const outputs = await Promise.all([
    place.millrace('status'),
    place.millrace('stop'),
    place.millrace('status', '-n', 'a2'),
  ]);
  agent.child.kill('SIGCONT');
  for (const { code, stderr } of outputs.slice(0, 2)) {
    expect(stderr).toMatch(/^The agent behind \S+\.sock does not answer\. .* no answer within 5 s/);
    expect(code).toBe(3);
  }
  expect(outputs[2]?.stderr).toContain('No agent a2 of this user runs');
}, 40_000);

test('an agent whose directory for the socket cannot be trusted says so, and runs', async () => {
  const place = scratch();
  writeFileSync(join(place.cwd, 'run'), '');
  writeFileSync(join(place.cwd, 'flow.conf'), idle.replaceAll('AGENT', 'a1'));
  const env = { MILLRACE_RUN_DIR: join(place.cwd, 'run') };
  const agent = startBin('millrace', ['agent', '-n', 'a1', '-f', 'flow.conf'], { cwd: place.cwd, env });
  await vi.waitFor(() => expect(agent.written.stderr).toContain('r1","msg":"Started."'), 10_000);
  expect(agent.written.stderr).toMatch(/"code":"MR_CONTROL".*run is not a directory.*Runs without a control socket/);
  const { code, stderr } = await place.millrace('status');
  expect(stderr).toContain('run is not a directory. It was not looked into.');
  expect(code).toBe(3);
  agent.child.kill('SIGTERM');
  expect((await agent.ended).code).toBe(0);
});

test('an agent that saturates every core is asked and stopped all the same', async () => {
  const place = scratch();
  const busy = ['1', '2'].map((n) =>
    flow('seq\nAGENT.sources.r1.batchSize = 1', 'null\nAGENT.sinks.k1.batchSize = 1').replace(
      /\b([rck])1\b/g,
      `$1${n}`,
    ),
  );
  const lists = 'AGENT.sources = r1 r2\nAGENT.channels = c1 c2\nAGENT.sinks = k1 k2\n';
  await place.agent('a1', busy.join('').replace(/^AGENT\.\w+ = .*\n/gm, '') + lists);
  const { stdout } = await statusThatEndsWith(0, place, '--json');
  expect(JSON.parse(stdout)[0].sinks).toHaveLength(2);
  expect((await place.millrace('stop')).code).toBe(0);
});

test.for(['status', 'stop', 'reload'])(
  'the help of %s shows an example, every exit code and who may',
  async (command) => {
    const { stdout } = await runBin('millrace', ['help', command]);
    for (const expected of [
      `millrace ${command} -n a1`,
      '  0  ',
      '  1  ',
      '  2  ',
      '  3  ',
      'nobody else but root',
      'sudo -u',
    ]) {
      expect(stdout).toContain(expected);
    }
  },
);
