import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { eventually } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { afterAll, describe, expect, test } from 'vitest';
import { Directory, isThere, USUAL } from './certificates.test.fixture.ts';
import type { TlsRules } from './java-tls-names.ts';
import { layerClient, layerServer } from './layers.ts';
import { listen } from './listen.ts';
import { readClientTls, readServerTls } from './tls.ts';

/** What stands on the wire is TLS as others speak it, within the rules. */

const directory = new Directory();
afterAll(() => directory[Symbol.dispose]());
const root = certified('root');
const middle = certified('middle', { issuer: root });
const leaf = certified('server', { issuer: middle });
const keystore = {
  file: directory.file('server.pem', leaf.key + leaf.certificate + middle.certificate),
  password: undefined,
};
const trusted = directory.file('root.pem', root.certificate);

/** A program of openssl, and all it has said. */
function openssl(...args: readonly string[]) {
  const child = spawn('openssl', args);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  child.stdin.on('error', () => {});
  return { child, said: () => said, exited: once(child, 'exit') };
}

/** Has `openssl s_client` send a line to a server with these rules, and answers what it says when the line has come back. */
async function askedBy(rules: Partial<TlsRules>, ...options: readonly string[]): Promise<string> {
  const tls = await readServerTls(keystore, { ...USUAL, ...rules });
  const server = await listen({ host: '127.0.0.1', port: 0 }, (socket) => {
    layerServer(socket, { tls }).then(
      (stream) => stream.on('error', () => {}).pipe(stream),
      () => {},
    );
  });
  const { port } = server.address() as AddressInfo;
  const { child, said, exited } = openssl('s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', trusted, ...options);
  child.stdin.write('hello there\n');
  await Promise.race([exited, eventually(said).toContain('\nhello there')]);
  child.stdin.end();
  child.kill();
  await exited;
  server.close();
  return said();
}

describe.skipIf(!isThere('openssl', 'version'))('openssl', () => {
  test.each([
    ['TLS 1.3', '-tls1_3', 'TLSv1.3'],
    ['TLS 1.2', '-tls1_2', 'TLSv1.2'],
  ])('speaks %s with a server, and can check its chain', async (_, option, protocol) => {
    const said = await askedBy({}, option);
    expect(said).toContain(protocol);
    expect(said).toContain('Verify return code: 0 (ok)');
    expect(said).toContain('hello there');
    expect(said).toContain('No client certificate CA names sent');
  });

  test.each([
    ['an excluded protocol', { excludeProtocols: ['TLSv1.2'] }, ['-tls1_2']],
    ['a protocol that is not usual', {}, ['-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0']],
    [
      'an excluded cipher suite',
      { excludeCipherSuites: ['TLS_AES_128_GCM_SHA256'] },
      ['-ciphersuites', 'TLS_AES_128_GCM_SHA256', '-tls1_3'],
    ],
    [
      'a cipher suite that is not included',
      { includeCipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'] },
      ['-tls1_3'],
    ],
  ])('cannot agree on %s with a server', async (_, rules, options) => {
    const said = await askedBy(rules, ...options);
    expect(said).not.toContain('hello there');
    expect(said).toContain('alert');
  });

  test.each([
    [
      'an included old protocol',
      { includeProtocols: ['TLSv1.1'] },
      ['-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'],
      'TLSv1.1',
    ],
    [
      'a cipher suite of Diffie and Hellman',
      { includeCipherSuites: ['TLS_DHE_RSA_WITH_AES_128_GCM_SHA256'] },
      [],
      'DHE-RSA-AES128-GCM-SHA256',
    ],
    ['the one included cipher suite', { includeCipherSuites: ['SSL_RSA_WITH_AES_128_CBC_SHA'] }, [], 'AES128-SHA'],
  ])('agrees on %s with a server', async (_, rules, options, agreed) => {
    const said = await askedBy(rules, ...options);
    expect(said).toContain('hello there');
    expect(said).toContain(agreed);
  });

  test.each(['-tls1_2', '-tls1_3'])('serves a client, %s', async (option) => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    const chain = directory.file('chain.pem', middle.certificate);
    const { child, said, exited } = openssl(
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      keystore.file,
      '-cert_chain',
      chain,
      option,
      '-rev',
    );
    await eventually(said).toContain('ACCEPT');
    const tls = await readClientTls({ trustAll: false, truststore: { file: trusted, password: undefined } }, USUAL);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const stream = await layerClient(socket, { tls }, 5_000);
    stream.write('hello\n');
    expect((await once(stream, 'data')).toString()).toContain('olleh');
    stream.destroy();
    child.kill();
    await exited;
  });
});
