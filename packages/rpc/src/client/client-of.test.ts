import { certified } from '@millrace/testkit/certified';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Directory } from '../net/certificates.test.fixture.ts';
import { serverLayers } from '../net/index.ts';
import { serve } from '../server/index.ts';
import { clientOf } from './client-of.ts';

const of = (properties: Record<string, string>) => clientOf(new Map(Object.entries(properties)));

/** A server, and the bodies it has been given. */
async function started(options: Partial<Parameters<typeof serve>[0]> = {}) {
  const bodies: string[] = [];
  const server = await serve({ host: '127.0.0.1', port: 0, protocol: 'avro', ...options }, async (batch) => {
    for (let at = 0; at < batch.length; at += 1) bodies.push(batch.bodyView(at).toString());
  });
  onTestFinished(() => server.close());
  return { bodies, address: `127.0.0.1:${server.address.port}` };
}

test.for([
  [{}, {}],
  [{ 'client.type': 'DEFAULT', 'compression-type': 'deflate', 'batch-size': '2' }, { layers: { compressionLevel: 6 } }],
  [{ 'client.type': 'thrift' }, { protocol: 'thrift-compact' }],
  [{ 'client.type': 'thrift', protocol: 'binary' }, { protocol: 'thrift-binary' }],
  [{ 'client.type': 'default_failover', hosts: 'away h1', 'hosts.away': '127.0.0.1:1' }, {}],
  [{ 'client.type': 'default_loadbalance', hosts: 'away h1', 'hosts.away': '127.0.0.1:1', backoff: 'true' }, {}],
] as const)('%j reach a source with %j', async ([properties, options]) => {
  const { bodies, address } = await started(options);
  const client = await of({ hosts: 'h1', 'hosts.h1': address, ...properties });
  await client.appendBatch(['a', 'b', 'c'].map((body) => ({ body })));
  await client.close();
  expect(bodies).toEqual(['a', 'b', 'c']);
});

test('numbers that are none, or too small, count as their defaults, as in Flume', async () => {
  const { address } = await started();
  const properties = {
    hosts: 'h1',
    'hosts.h1': address,
    'batch-size': '0',
    'connect-timeout': '1',
    'request-timeout': 'x',
  };
  const client = await of(properties);
  expect(client.batchSize).toBe(100);
  await client.close();
});

describe('TLS', () => {
  const rules = { excludeProtocols: [], includeProtocols: [], excludeCipherSuites: [], includeCipherSuites: [] };

  /** A server with a certificate, of which it says where to find those who trust it. */
  async function secured(options: { compressionLevel?: number; protocol?: 'thrift-compact' } = {}) {
    const directory = new Directory();
    onTestFinished(() => directory[Symbol.dispose]());
    const [trusted, stranger] = [certified('authority'), certified('stranger')];
    const { key, certificate } = certified('server', { issuer: trusted });
    const keystore = directory.file('server.pem', key + certificate);
    const { compressionLevel, ...more } = options;
    const config = { ssl: true, keystore, keystorePassword: 'unused', ...rules };
    const { address, bodies } = await started({ layers: await serverLayers(config, { compressionLevel }), ...more });
    return {
      bodies,
      properties: { hosts: 'h1', 'hosts.h1': address, 'connect-timeout': '2000' },
      truststore: directory.file('trusted.pem', trusted.certificate),
      strangers: directory.file('strangers.pem', stranger.certificate),
    };
  }

  test.for([
    [{}, {}],
    [{ 'compression-type': 'deflate' }, { compressionLevel: 6 }],
    [{ 'client.type': 'thrift' }, { protocol: 'thrift-compact' }],
  ] as const)('and %j reach a source whose certificate is trusted', async ([properties, options]) => {
    const { bodies, truststore, properties: hosts } = await secured(options);
    const client = await of({ ...hosts, ssl: 'true', truststore, ...properties });
    const large = 'x'.repeat(1 << 20);
    await client.appendBatch([{ body: 'a' }, { body: large }]);
    await client.close();
    expect(bodies).toEqual(['a', large]);
  });

  test('does not come about with one that is not, unless everybody is trusted', async () => {
    const { bodies, strangers, properties } = await secured();
    await expect(of({ ...properties, ssl: 'true', truststore: strangers })).rejects.toMatchObject({
      code: 'MR_PEER_UNREACHABLE',
      message: expect.stringMatching(/^Cannot connect to \S+\d\. The trust store does not vouch .*truststore\.$/),
    });
    const client = await of({ ...properties, ssl: 'true', 'trust-all-certs': 'true' });
    await client.append({ body: 'a' });
    await client.close();
    expect(bodies).toEqual(['a']);
  });

  test.for([
    [{}, { tls: true }],
    [{ ssl: 'true', 'trust-all-certs': 'true' }, {}],
    [{ 'compression-type': 'deflate' }, {}],
    [{}, { compressionLevel: 6 }],
  ] as const)(
    'or compression on one end only (%j, %j) is told so, and nothing is left waiting',
    async ([properties, { tls, ...layers }]: readonly [
      Record<string, string>,
      { tls?: boolean; compressionLevel?: number },
    ]) => {
      const plain = async () => ({ 'hosts.h1': (await started({ layers })).address });
      const hosts = tls ? (await secured()).properties : await plain();
      const connecting = of({ hosts: 'h1', 'connect-timeout': '1000', ...hosts, ...properties });
      await expect(connecting).rejects.toThrow(/TLS|compression-type/);
    },
  );
});

describe('what cannot be used is told with what to do', () => {
  test.for([
    [{}, 'There is no host to connect to: set hosts = h1 and hosts.h1 = HOST:PORT.'],
    [{ hosts: 'h1' }, 'hosts.h1 is "": set it to HOST:PORT, such as collector1:4141.'],
    [{ hosts: 'h1', 'hosts.h1': '::1:4141' }, 'hosts.h1 is "::1:4141": set it to HOST:PORT, such as collector1:4141.'],
    [{ hosts: 'h1', 'hosts.h1': 'a:65536' }, 'hosts.h1 is "a:65536": set it to HOST:PORT, such as collector1:4141.'],
    [
      { hosts: 'h1', 'hosts.h1': 'a:1', 'client.type': 'default_loadbalance' },
      'client.type = default_loadbalance needs two hosts or more: name them in hosts.',
    ],
    [
      { hosts: 'h1', 'hosts.h1': 'a:1', 'client.type': 'org.example.MyClient' },
      'client.type is "org.example.MyClient": set it to default, default_failover, default_loadbalance or thrift.',
    ],
    [
      { hosts: 'h1', 'hosts.h1': 'a:1', 'compression-type': 'deflate', 'compression-level': '10' },
      'compression-level is "10": set it to a number from 0 to 9.',
    ],
  ] as const)('%j', async ([properties, message]) => {
    await expect(of(properties)).rejects.toThrow(message);
  });
});
