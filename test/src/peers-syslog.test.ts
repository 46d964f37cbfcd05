import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, loggedBodies, type RunningAgent, runAgent } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { describe, expect, test } from 'vitest';
import { missingSyslog, SyslogDaemon } from './peers/syslog-daemon.ts';

/** What rsyslog, syslog-ng and logger send arrives as they meant it. */

const missing = missingSyslog();
if (missing !== undefined) console.warn(`Not tried with rsyslog and syslog-ng. ${missing}`);

const logger = spawnSync('logger', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true;
if (!logger) console.warn('Not tried with logger: that of util-linux is not on PATH.');

const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8');

/** An agent with a syslog source on a free port, which prints what it gets. */
function agentWith(source: Readonly<Record<string, string | number>>): Promise<RunningAgent> {
  const properties = Object.entries({ host: '127.0.0.1', port: 0, channels: 'c1', ...source });
  return runAgent(`a1.sources = r1
a1.channels = c1
a1.sinks = k1
${properties.map(([name, value]) => `a1.sources.r1.${name} = ${value}`).join('\n')}
a1.channels.c1.type = memory
a1.sinks.k1.type = logger
a1.sinks.k1.channel = c1
`);
}

/** The lines of events that come from the host of the messages: rsyslog and syslog-ng have something to say themselves. */
const ofHost = (output: readonly string[]) => output.filter((line) => line.includes('host=web-1'));

/** The headers of the events that were printed. */
function loggedHeaders(output: readonly string[]): Record<string, string>[] {
  return output.flatMap((line) => {
    const [, text] = /headers:\{(.*?)\} body:/.exec(line) ?? [];
    return text === undefined ? [] : [Object.fromEntries(text.split(', ').map((pair) => pair.split('=')))];
  });
}

const NOW = new Date(Math.floor(Date.now() / 1000) * 1000);
const stamp = NOW.toISOString().replace('.000Z', '.941752+00:00');
const message = (text: string) => `<132>1 ${stamp} web-1 app 42 M1 [x@1 k="v"] ${text}`;

const forwarding = ({ port, template = 'RSYSLOG_SyslogProtocol23Format', protocol = 'tcp', more = '' }: Forwarding) =>
  `*.* action(type="omfwd" target="127.0.0.1" port="${port}" protocol="${protocol}" template="${template}" action.resumeRetryCount="-1" action.resumeInterval="1" ${more})`;

interface Forwarding {
  readonly port: number;
  readonly template?: string;
  readonly protocol?: string;
  readonly more?: string;
}

describe.skipIf(missing !== undefined)('from rsyslog', { timeout: 60_000 }, () => {
  const known = { Facility: '16', Severity: '4', priority: '132', host: 'web-1' };
  const rfc5424 = { ...known, version: '1', timestamp: String(NOW.getTime() + 941) };
  const rfc3164 = { ...known, timestamp: String(NOW.getTime()) };
  const counted = 'TCP_Framing="octet-counted"';
  const texts = ['one', 'two grüße', 'three'];

  test.for([
    ['syslogtcp', 'RFC 5424', {}, rfc5424, 'app 42 M1 [x@1 '],
    ['syslogtcp', 'RFC 5424, counted', { more: counted }, rfc5424, 'app 42 M1 [x@1 '],
    ['syslogtcp', 'RFC 3164', { template: 'RSYSLOG_TraditionalForwardFormat' }, rfc3164, 'app[42] '],
    ['syslogudp', 'RFC 5424', { protocol: 'udp' }, rfc5424, 'app 42 M1 [x@1 '],
    ['syslogudp', 'RFC 3164', { protocol: 'udp', template: 'RSYSLOG_TraditionalForwardFormat' }, rfc3164, 'app[42] '],
  ] as const)('to %s: %s', async ([type, , how, headers, begin]) => {
    await using agent = await agentWith({ type });
    await using rsyslog = await SyslogDaemon.rsyslog(forwarding({ port: agent.port('r1'), ...how }));
    await rsyslog.send(...texts.map(message));
    await eventually(() => ofHost(agent.output)).toHaveLength(texts.length);
    expect(loggedHeaders(ofHost(agent.output))).toEqual(texts.map(() => headers));
    for (const body of loggedBodies(ofHost(agent.output))) expect(body.startsWith(begin.slice(0, 7))).toBe(true);
  });

  test('to multiport_syslogtcp, counted', async () => {
    await using agent = await agentWith({ type: 'multiport_syslogtcp', ports: 0 });
    await using rsyslog = await SyslogDaemon.rsyslog(forwarding({ port: agent.port('r1'), more: counted }));
    await rsyslog.send(...texts.map(message));
    await eventually(() => ofHost(agent.output)).toHaveLength(texts.length);
    const { priority, version, ...same } = rfc5424;
    const headers = { ...same, Priority: priority, Version: version };
    expect(loggedHeaders(ofHost(agent.output))).toEqual(texts.map(() => headers));
  });

  test.for(['', counted])('over TLS, whose certificate it trusts: %s', async (framing) => {
    using directory = mkdtempDisposableSync(join(tmpdir(), 'millrace-syslog-tls-'));
    const at = (name: string) => join(directory.path, name);
    const { key, certificate } = certified('localhost', { local: true });
    writeFileSync(at('ca.pem'), certificate);
    writeFileSync(at('store.pem'), key + certificate);
    const tls = { ssl: 'true', keystore: at('store.pem'), 'keystore-password': 'none' };
    await using agent = await agentWith({ type: 'syslogtcp', ...tls });
    const driver = `StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost" StreamDriver.CAFile="${at('ca.pem')}"`;
    const port = agent.port('r1');
    await using rsyslog = await SyslogDaemon.rsyslog(forwarding({ port, more: `${driver} ${framing}` }));
    await rsyslog.send(...texts.map(message));
    await eventually(() => ofHost(agent.output)).toHaveLength(texts.length);
    expect(loggedHeaders(ofHost(agent.output))).toEqual(texts.map(() => rfc5424));
  });

  test('as in the example, nothing is lost while the agent is away', async () => {
    const configuration = example('rsyslog-logger.conf');
    const free = configuration.replace(/^(a1\.sources\.r1\.port) = 5140$/m, '$1 = 0');
    await using first = await runAgent(free);
    const port = first.port('r1');
    await using rsyslog = await SyslogDaemon.rsyslog(example('rsyslog-logger.rsyslog').replace('"5140"', `"${port}"`));
    await rsyslog.send(message('before'));
    await eventually(() => ofHost(first.output)).toHaveLength(1);
    await first.stop();
    // rsyslog notices that nobody listens only when it has written to the old connection once.
    await rsyslog.send(message('the first to be missed may go to the closed connection'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await rsyslog.send(message('meanwhile'), message('and then'));
    await using second = await runAgent(configuration.replace(/ 5140$/m, ` ${port}`));
    await eventually(() => ofHost(second.output).length).toBeGreaterThanOrEqual(2);
    expect(loggedHeaders(ofHost(second.output)).at(-1)).toEqual(rfc5424);
  });
});

describe.skipIf(missing !== undefined)('from syslog-ng', { timeout: 60_000 }, () => {
  test.for([
    ['syslog', 'tcp', 'syslogtcp'],
    ['network', 'tcp', 'syslogtcp'],
    ['syslog', 'udp', 'syslogudp'],
  ] as const)('%s over %s', async ([driver, transport, type]) => {
    await using agent = await agentWith({ type });
    const port = agent.port('r1');
    await using syslogNg = await SyslogDaemon.syslogNg(
      `${driver}("127.0.0.1" port(${port}) transport("${transport}"));`,
    );
    const framed = ['one', 'two'].map(message).map((text) => `${text.length} ${text}`);
    await syslogNg.send(framed.join(''));
    await eventually(() => ofHost(agent.output)).toHaveLength(2);
    for (const headers of loggedHeaders(ofHost(agent.output))) {
      expect(headers).toMatchObject({ Facility: '16', Severity: '4', priority: '132', host: 'web-1' });
      expect(headers).not.toHaveProperty('flume.syslog.status');
    }
  });
});

describe.skipIf(!logger)('from logger', () => {
  const common = ['--server', '127.0.0.1', '-p', 'local0.info', '-t', 'app', '--id=42'];

  test.for([
    ['syslogtcp', ['--tcp', '--rfc3164'], 'app[42]: grüße'],
    ['syslogtcp', ['--tcp', '--rfc5424'], 'app 42 - [timeQ'],
    ['syslogtcp', ['--tcp', '--rfc5424', '--octet-count'], 'app 42 - [timeQ'],
    ['syslogtcp', ['--tcp', '--rfc5424=notime,notq,nohost'], 'app 42 - - grü'],
    ['syslogudp', ['--udp', '--rfc3164'], 'app[42]: grüße'],
    ['syslogudp', ['--udp', '--rfc5424'], 'app 42 - [timeQ'],
    ['multiport_syslogtcp', ['--tcp', '--rfc5424'], 'app 42 - [timeQ'],
    ['netcatudp', ['--udp', '--rfc3164'], '<134>'],
  ] as const)('to %s: %o', async ([type, flags, begin]) => {
    await using agent = await agentWith({ type, bind: '127.0.0.1', ports: 0 });
    const port = String(agent.port('r1'));
    execFileSync('logger', [...common, '--port', port, ...flags, 'grüße']);
    await eventually(() => agent.output).toHaveLength(1);
    expect(loggedBodies(agent.output)[0]!.slice(0, begin.length)).toBe(begin);
  });
});
