import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RpcServerOptions, serve } from '@millrace/rpc';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runBin, startBinInShell, startBinOnTerminal } from '../bin.test.fixture.ts';

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-avro-client-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function fileOf(text: string | Buffer, name = 'file'): string {
  const file = join(scratch(), name);
  writeFileSync(file, text);
  return file;
}

interface Request {
  readonly bodies: readonly string[];
  readonly headers: object;
}

/** A source's server that keeps what it is given, and `act` decides what it answers. */
async function source(act: (request: Request) => unknown = () => {}, options: Partial<RpcServerOptions> = {}) {
  const requests: Request[] = [];
  const server = await serve({ host: '127.0.0.1', port: 0, protocol: 'avro', ...options }, async (batch) => {
    const bodies = Array.from({ length: batch.length }, (_, at) => batch.bodyView(at).toString());
    const request = { bodies, headers: batch.headers(0) };
    requests.push(request);
    await act(request);
  });
  onTestFinished(() => server.close());
  const { port } = server.address;
  return {
    requests,
    port,
    flags: ['-H', '127.0.0.1', '-p', String(port)],
    bodies: () => requests.flatMap(({ bodies }) => bodies),
  };
}

const refuse =
  (word: string) =>
  ({ bodies }: Request) => {
    if (bodies.includes(word)) throw Object.assign(new Error('The channel is full.'), { code: 'MR_CHANNEL_FULL' });
  };

const send = (...args: readonly string[]) => runBin('flume-ng', ['avro-client', ...args]);
const numbered = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}`);

describe('lines', () => {
  test('of a file arrive in order, five in a request, and are counted', async () => {
    const { flags, requests, bodies } = await source();
    const { stdout, stderr, code } = await send(...flags, '-F', fileOf(`${numbered(12).join('\n')}\n`));
    expect({ stdout, stderr, code }).toEqual({ stdout: '12 lines sent, 12 acknowledged.\n', stderr: '', code: 0 });
    expect(bodies()).toEqual(numbered(12));
    expect(requests.map((request) => request.bodies.length)).toEqual([5, 5, 2]);
  });

  test('of standard input arrive, also one without an end', async () => {
    const { flags, bodies } = await source();
    const line = `printf 'Hello world!\\r\\nGr\\303\\266\\303\\237e\\rlast' | "$@"`;
    const { stdout, code } = await startBinInShell(line, 'millrace', ['avro-client', ...flags]).ended;
    expect(stdout).toBe('3 lines sent, 3 acknowledged.\n');
    expect(code).toBe(0);
    expect(bodies()).toEqual(['Hello world!', 'Größe', 'last']);
  });

  test('that come slowly are sent as they come', async () => {
    const { flags, requests } = await source();
    const line = '(echo first; sleep 20) | "$@"';
    startBinInShell(line, 'millrace', ['avro-client', ...flags]);
    await expect.poll(() => requests.length, { timeout: 10_000 }).toBe(1);
  });

  test('have the headers of the file', async () => {
    const { flags, requests } = await source();
    const headers = fileOf('# where they are from\nhost = web\\\n  1\nname\\:x : gr\\u00f6\\u00dfer\n');
    expect((await send(...flags, '-F', fileOf('a\nb\n'), '-R', headers)).code).toBe(0);
    expect(requests).toEqual([{ bodies: ['a', 'b'], headers: { host: 'web1', 'name:x': 'größer' } }]);
  });

  test('are shown on a terminal while they are sent', async () => {
    const { flags } = await source(() => new Promise((resolve) => setTimeout(resolve, 60)));
    const { stdout } = await startBinOnTerminal('millrace', [
      'avro-client',
      ...flags,
      '-F',
      fileOf(numbered(50).join('\n')),
    ]).ended;
    expect(stdout).toMatch(/\d+ lines sent, \d+ acknowledged(?!\.)/);
    expect(stdout).toContain('50 lines sent, 50 acknowledged.');
  });
});

describe('what was not acknowledged', () => {
  test('is not counted, and makes the command fail', async () => {
    const { flags } = await source(refuse('line 7'));
    const { stdout, stderr, code } = await send(...flags, '-F', fileOf(numbered(20).join('\n')));
    expect(stdout).toBe('10 lines sent, 5 acknowledged.\n');
    expect(stderr).toMatch(/^127\.0\.0\.1:\d+ has not taken the events \(FAILED\): .*\n$/);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(1);
  });

  test('may have arrived when the connection is lost, and it says so', async () => {
    // It matches, takes one request, and is gone at the next one.
    const answers = ['0000000000000001' + '0000000400000000', '0000000100000001' + '00000003000000'];
    const server = createServer((socket) => {
      socket.on('data', () => {
        const answer = answers.shift();
        if (answer === undefined) socket.destroy();
        else socket.write(Buffer.from(answer, 'hex'));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const flags = ['-H', '127.0.0.1', '-p', String(port)];
    const { stdout, stderr, code } = await send(...flags, '-F', fileOf(numbered(20).join('\n')));
    expect([stdout, code]).toEqual(['10 lines sent, 5 acknowledged.\n', 1]);
    expect(stderr).toMatch(/^The connection to .* is lost.*The source may have some of the lines .*\n$/);
  });

  test('may be all of it', async () => {
    const { stdout, stderr, code } = await send('-H', '127.0.0.1', '-p', '1', '-F', fileOf('a'));
    expect([stdout, code]).toEqual(['', 1]);
    expect(stderr).toMatch(/^Cannot connect to 127\.0\.0\.1:1 .*\n$/);
  });
});

describe('a directory', () => {
  /** A directory of files, of which each is a minute older than the one before. */
  function spool(...files: readonly (readonly [name: string, text: string])[]): string {
    const directory = scratch();
    for (const [at, [name, text]] of files.entries()) {
      writeFileSync(join(directory, name), text);
      const date = new Date(Date.now() - at * 60_000);
      utimesSync(join(directory, name), date, date);
    }
    return directory;
  }

  test('is sent from the oldest file on, and each is renamed', async () => {
    const { flags, bodies } = await source();
    const directory = spool(['new', 'c\n'], ['mid', 'b1\nb2'], ['old', 'a\n'], ['empty', '']);
    const { stdout, code } = await send(...flags, '--dirname', directory);
    expect([stdout, code]).toEqual(['4 lines sent, 4 acknowledged.\n', 0]);
    expect(bodies()).toEqual(['a', 'b1', 'b2', 'c']);
    expect(readdirSync(directory).sort()).toEqual([
      'emptyfileSuffix',
      'midfileSuffix',
      'newfileSuffix',
      'oldfileSuffix',
    ]);
  });

  test('leaves hidden files and those that were sent alone', async () => {
    const { flags, bodies } = await source();
    const directory = spool(['.hidden', 'x'], ['a.COMPLETED', 'x'], ['bfileSuffix', 'x'], ['c', 'c']);
    await send(...flags, '--dirname', directory);
    expect(bodies()).toEqual(['c']);
    expect(readdirSync(directory).sort()).toEqual(['.hidden', 'a.COMPLETED', 'bfileSuffix', 'cfileSuffix']);
  });

  test('keeps the name of a file of which not all was acknowledged, and sends no other', async () => {
    const { flags } = await source(refuse('bad'));
    const directory = spool(['later', 'x'], ['broken', 'one\ntwo\nthree\nfour\nfive\nbad\n'], ['good', 'a\n']);
    const { stdout, stderr, code } = await send(...flags, '--dirname', directory);
    expect({ stdout, stderr, code }).toMatchObject({ stdout: '7 lines sent, 6 acknowledged.\n', code: 1 });
    expect(readdirSync(directory).sort()).toEqual(['broken', 'goodfileSuffix', 'later']);
  });

  test('keeps the name of a file that is written to meanwhile', async () => {
    const directory = spool(['growing', 'a\n']);
    const { flags } = await source(() => writeFileSync(join(directory, 'growing'), 'a\nb\n'));
    const { stderr, code } = await send(...flags, '--dirname', directory);
    expect(stderr).toMatch(
      /growing has changed while it was sent, so it keeps its name: move files into the directory/,
    );
    expect(code).toBe(1);
    expect(readdirSync(directory)).toEqual(['growing']);
  });

  test('overwrites nothing', async () => {
    const { flags } = await source();
    const directory = spool(['a', 'new'], ['afileSuffix', 'old']);
    const { stderr, code } = await send(...flags, '--dirname', directory);
    expect(stderr).toContain('keeps its name, because there is a');
    expect(code).toBe(1);
    expect(readdirSync(directory).sort()).toEqual(['a', 'afileSuffix']);
  });
});

describe('properties of the connection', () => {
  const properties = (...lines: readonly string[]) => fileOf(lines.join('\n'), 'client.properties');

  test('may name several hosts, and the size of requests', async () => {
    const { port, requests, bodies } = await source();
    const file = properties(
      'client.type = default_failover',
      ...['hosts = away h1', 'hosts.away = 127.0.0.1:1', `hosts.h1 = 127.0.0.1:${port}`, 'batch-size = 8'],
    );
    const { code, stderr } = await send('-P', file, '-F', fileOf(`${numbered(12).join('\n')}\n`));
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(bodies()).toEqual(numbered(12));
    expect(requests.map((request) => request.bodies.length)).toEqual([8, 4]);
  });

  test('that cannot be used are told with their file', async () => {
    const file = properties('hosts = h1');
    const { stderr, code } = await send('-P', file, '-F', fileOf('a'));
    expect(stderr).toBe(`${file}: hosts.h1 is "": set it to HOST:PORT, such as collector1:4141.\n`);
    expect(code).toBe(1);
  });

  test.for([
    ['default', ''],
    ['default_failover', '0 lines sent, 0 acknowledged.\n'],
  ])('are not blamed for hosts that cannot be reached, to which nothing was sent (%s)', async ([type, told]) => {
    const hosts = ['hosts = h1 h2', 'hosts.h1 = 127.0.0.1:1', 'hosts.h2 = 127.0.0.1:1'];
    const file = properties(`client.type = ${type}`, ...hosts);
    const { stdout, stderr, code } = await send('-P', file, '-F', fileOf('a'));
    expect([stdout, code]).toEqual([told, 1]);
    expect(stderr).toMatch(
      /^Cannot connect to 127\.0\.0\.1:1 \(.*\): start the agent there, or correct the host and port\.\n$/,
    );
  });

  test.for([
    ['of the command line', ['-Djavax.net.ssl.trustStore=/nowhere/trusted.pem'], ''],
    ['of the environment', [], 'FLUME_SSL_TRUSTSTORE_PATH=/nowhere/trusted.pem '],
  ] as const)('have the settings for TLS %s where they say nothing', async ([, flags, environment]) => {
    const { port } = await source();
    const file = properties('hosts = h1', `hosts.h1 = 127.0.0.1:${port}`, 'ssl = true');
    const args = ['avro-client', '-P', file, '-F', fileOf('a'), ...flags];
    const { stderr } = await startBinInShell(`${environment}"$@"`, 'millrace', args).ended;
    expect(stderr).toContain('/nowhere/trusted.pem');
  });
});

test('what would be run is printed with --dryrun', async () => {
  const { stdout, code } = await send(
    '-host',
    'h',
    '-p',
    '4141',
    '--dirname',
    '/var/spool/my lines',
    '-c',
    'conf',
    '-d',
  );
  expect(stdout).toBe(`millrace avro-client --host h --port 4141 --dirname '/var/spool/my lines'\n`);
  expect(code).toBe(0);
});

test('the help has an example of everything', async () => {
  const { stdout } = await runBin('millrace', ['help', 'avro-client']);
  for (const expected of [
    '-H localhost -p 4141 -F access.log',
    '-R headers.properties',
    '-P client.properties --dirname',
    'Exit codes:',
  ])
    expect(stdout).toContain(expected);
});
