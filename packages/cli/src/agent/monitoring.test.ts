import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentStatus } from '@millrace/kernel/agent';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startBin } from '../bin.test.fixture.ts';
import { startMonitoring } from './monitoring.ts';

const status = (): AgentStatus => {
  const none = { channels: [], sinks: [], sources: [] };
  return { name: 'a1', startedAtMs: 0, ...none, removed: none };
};

/** What the settings `flume.monitoring.…` lead to: a server or none, and what is said. */
async function start(settings: Readonly<Record<string, string>>) {
  const said: string[] = [];
  const say = (level: string) => (_fields: object, message: string) => void said.push(`${level}: ${message}`);
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const system = new Map(Object.entries(settings).map(([key, value]) => [`flume.monitoring.${key}`, value]));
  const server = await startMonitoring(system, { status, log });
  if (server !== undefined) onTestFinished(() => server.close());
  return { server, said };
}

test('without a type there are no metrics, and nothing is said', async () => {
  expect(await start({ port: '41414' })).toEqual({ server: undefined, said: [] });
});

test.for([
  [{ type: 'ganglia', hosts: 'h:8649' }, 'there is no Ganglia here. Set flume.monitoring.type=http'],
  [{ type: 'com.example.Monitor' }, 'Java classes such as "com.example.Monitor" cannot run here'],
  [{ type: 'prometheus' }, 'set flume.monitoring.type=http, and let Prometheus read /metrics/prometheus'],
  [{ type: 'http', port: '41414x' }, 'flume.monitoring.port must be a port from 0 to 65535, not "41414x"'],
  [{ type: 'http', port: '70000' }, 'flume.monitoring.port must be a port from 0 to 65535, not "70000"'],
] as const)('%o: no metrics, and the log says what to do', async ([settings, sentence]) => {
  const { server, said } = await start(settings);
  expect(server).toBeUndefined();
  expect(said).toEqual([expect.stringContaining(sentence)]);
  expect(said[0]).toMatch(/^warn: The metrics are not served: /);
});

test('the type may be written in any case, and a port with blanks around it', async () => {
  const { server } = await start({ type: 'HTTP', port: ' 0 ' });
  expect(await server!.listening).toBeGreaterThan(0);
});

test('settings of flume-env.sh hold, and every component tells its figures at the end', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-monitoring-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const options = '-Dflume.monitoring.type=http -Dflume.monitoring.port=0';
  writeFileSync(join(directory, 'flume-env.sh'), `export JAVA_OPTS="${options}"\n`);
  const flow = [
    'a1.sources = r1\na1.channels = c1\na1.sinks = k1',
    'a1.sources.r1.type = seq\na1.sources.r1.totalEvents = 7\na1.sources.r1.channels = c1',
    'a1.channels.c1.type = memory\na1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n',
  ].join('\n');
  writeFileSync(join(directory, 'flow.conf'), flow);
  const agent = startBin('millrace', ['agent', '-n', 'a1', '-c', '.', '-f', 'flow.conf'], { cwd: directory });
  const lines = () =>
    agent.written.stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  await vi.waitFor(() => expect(agent.written.stderr).toContain('Metrics are at'), 10_000);
  const { port } = lines().find(({ msg }) => msg.startsWith('Metrics are at'));
  await vi.waitFor(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const entries = (await response.json()) as Record<string, unknown>;
    expect(entries['CHANNEL.c1']).toMatchObject({ EventTakeSuccessCount: '7', ChannelCapacity: '100' });
  }, 10_000);
  agent.child.kill();
  expect((await agent.ended).code).toBe(0);
  const told = lines().filter(({ msg }) => msg === 'Its figures at the end.');
  expect(told).toMatchObject([
    { component: 'a1.sources.r1', received: 7, accepted: 7 },
    { component: 'a1.channels.c1', put: 7, committed: 7 },
    { component: 'a1.sinks.k1', taken: 7, delivered: 7 },
  ]);
});
