import { describe, expect, test } from 'vitest';
import { memory } from './channels/memory/spec.ts';
import { createRegistry } from './config/registry.ts';
import { renderDiagnostics } from './config/render.ts';
import { planText } from './config/specimens.test.fixture.ts';
import { facts } from './fixtures/facts.ts';
import { manualPage } from './manual.ts';
import { defineSink, defineSource } from './spec.ts';
import { checkTlsServer, tlsClientProperties, tlsServerProperties } from './tls-properties.ts';

const server = defineSource({
  facts: facts.source,
  type: 'server',
  classNames: [],
  summary: 'Listens.',
  stability: 'stable',
  drive: 'event',
  properties: tlsServerProperties,
  metrics: {},
  check: checkTlsServer,
});
const client = defineSink({
  facts: facts.sink,
  type: 'client',
  classNames: [],
  summary: 'Connects.',
  stability: 'stable',
  lingerMs: 0,
  properties: tlsClientProperties,
  metrics: {},
});
const module = new URL('file:///module.js');
const registry = createRegistry([server, client, memory].map((spec) => ({ spec, module })));

const wiring = [
  'a1.sources = r1',
  'a1.channels = c1',
  'a1.sinks = k1',
  'a1.sources.r1.type = server',
  'a1.sources.r1.channels = c1',
  'a1.channels.c1.type = memory',
  'a1.sinks.k1.type = client',
  'a1.sinks.k1.channel = c1',
];

interface Globals {
  readonly system?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
}

function plan(lines: readonly string[], { system = {}, environment = {} }: Globals = {}) {
  const { plans, diagnostics, texts } = planText([...wiring, ...lines].join('\n'), {
    registry,
    system: new Map(Object.entries(system)),
    environment: new Map(Object.entries(environment)),
  });
  const [planned] = plans.values();
  return {
    source: planned?.sources[0]?.config,
    sink: planned?.sinks[0]?.config,
    said: renderDiagnostics(diagnostics, texts),
  };
}

const ssl = 'a1.sources.r1.ssl = true';

describe('a setting of the process', () => {
  const system = {
    'javax.net.ssl.keyStore': '/system.jks',
    'javax.net.ssl.keyStorePassword': 'system',
    'javax.net.ssl.trustStore': '/system-trust.jks',
  };
  const environment = { FLUME_SSL_KEYSTORE_PATH: '/environment.jks', FLUME_SSL_KEYSTORE_PASSWORD: 'environment' };

  test('stands in for one that a component does not have: a system property', () => {
    const { source, sink, said } = plan([ssl], { system, environment });
    expect(source).toMatchObject({ keystore: '/system.jks', keystorePassword: 'system', keystoreType: 'JKS' });
    expect(sink).toMatchObject({ ssl: false, truststore: '/system-trust.jks' });
    expect(said).toBe('');
  });

  test('or else an environment variable', () => {
    expect(plan([ssl], { environment }).source).toMatchObject({
      keystore: '/environment.jks',
      keystorePassword: 'environment',
    });
  });

  test('that is empty stands for nothing', () => {
    expect(plan([], { environment: { FLUME_SSL_TRUSTSTORE_PATH: '' } }).sink).toMatchObject({ truststore: undefined });
  });

  test('gives way to what the component says', () => {
    const own = ['a1.sources.r1.keystore = /own.pem', 'a1.sources.r1.keystore-password = own'];
    expect(plan([ssl, ...own], { system }).source).toMatchObject({ keystore: '/own.pem', keystorePassword: 'own' });
  });

  test('separates by commas what a component separates by blanks', () => {
    const { source } = plan(['a1.sources.r1.exclude-protocols = TLSv1 TLSv1.1'], {
      system: { 'flume.ssl.include.cipherSuites': 'TLS_A,TLS_B, TLS_C', 'flume.ssl.exclude.protocols': 'TLSv1.3' },
    });
    expect(source).toMatchObject({
      excludeProtocols: ['TLSv1', 'TLSv1.1'],
      includeCipherSuites: ['TLS_A', 'TLS_B', 'TLS_C'],
    });
  });

  test('is in the manual', () => {
    const page = manualPage(server, 'spec.ts');
    expect(page).toContain(
      'For all components at once: `-Djavax.net.ssl.keyStore=…`, or else the environment variable `FLUME_SSL_KEYSTORE_PATH`.',
    );
    expect(page).toContain('`FLUME_SSL_EXCLUDE_PROTOCOLS`, with commas in place of blanks.');
  });
});

describe('ssl = true', () => {
  test('without a key store from anywhere drops the source, and says where it could come from', () => {
    const { source, said } = plan([ssl]);
    expect(source).toBeUndefined();
    expect(said).toContain('a1.sources.r1: ssl is true, and there is no keystore. Source r1 is dropped.');
    expect(said).toContain('  → set keystore, or -Djavax.net.ssl.keyStore=… for all components');
    expect(said).toContain(ssl);
  });

  test('without its password too', () => {
    const { source, said } = plan([ssl, 'a1.sources.r1.keystore = /own.pem']);
    expect(source).toBeUndefined();
    expect(said).toContain('a1.sources.r1: ssl is true, and there is no keystore-password. Source r1 is dropped.');
  });

  test('needs no trust store where somebody connects', () => {
    const { sink, said } = plan(['a1.sinks.k1.ssl = true']);
    expect(sink).toMatchObject({ ssl: true, trustAllCerts: false, truststore: undefined });
    expect(said).toBe('');
  });
});

test('without ssl nothing is asked for', () => {
  expect(plan([]).source).toMatchObject({ ssl: false, keystore: undefined, includeProtocols: [] });
});
