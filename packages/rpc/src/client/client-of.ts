import { type ClientTlsConfig, clientLayers } from '../net/index.ts';
import type { RpcClient } from './client.ts';
import { BATCH_SIZE, TIMEOUT_MS } from './connect.ts';
import { type HostSelector, MAX_BACKOFF_MS } from './host-order.ts';
import { type ClientSettings, type ClientType, hostsOf, openClient } from './settings.ts';

const TIMEOUT_MS_MIN = 1_000;
const LEVEL = 6;

/**
 * Makes a client by the properties that Flume's clients are configured with, such as `hosts = h1` and `hosts.h1 = collector:4141`. Rejects
 * with what is wrong in them, or as `connect` does.
 */
export async function clientOf(properties: ReadonlyMap<string, string>): Promise<RpcClient> {
  const settings = settingsOf(properties);
  const compressionLevel = compressionOf(properties);
  return openClient(settings, { layers: await clientLayers(tlsOf(properties), { compressionLevel }) });
}

function settingsOf(properties: ReadonlyMap<string, string>): ClientSettings {
  const clientType = oneOf<ClientType>(properties, 'client.type', [
    'default',
    'default_failover',
    'default_loadbalance',
    'thrift',
  ]);
  const addresses = [...properties].filter(([name]) => name.startsWith('hosts.'));
  const hosts = hostsOf(
    properties.get('hosts') ?? '',
    Object.fromEntries(addresses.map(([name, address]) => [name.slice('hosts.'.length), address])),
  );
  if (hosts.length === 0) throw new Error('There is no host to connect to: set hosts = h1 and hosts.h1 = HOST:PORT.');
  if (clientType === 'default_loadbalance' && hosts.length < 2) {
    throw new Error('client.type = default_loadbalance needs two hosts or more: name them in hosts.');
  }
  return {
    clientType,
    hosts,
    encoding: oneOf(properties, 'protocol', ['compact', 'binary']),
    batchSize: atLeast(1, properties.get('batch-size')) ?? BATCH_SIZE,
    connectTimeoutMs: atLeast(TIMEOUT_MS_MIN, properties.get('connect-timeout')) ?? TIMEOUT_MS,
    requestTimeoutMs: atLeast(TIMEOUT_MS_MIN, properties.get('request-timeout')) ?? TIMEOUT_MS,
    maxAttempts: atLeast(1, properties.get('max-attempts')),
    hostSelector: oneOf<HostSelector>(properties, 'host-selector', ['round_robin', 'random']),
    backoff: isTrue(properties.get('backoff')),
    maxBackoffMs: atLeast(0, properties.get('maxBackoff')) ?? MAX_BACKOFF_MS,
  };
}

function compressionOf(properties: ReadonlyMap<string, string>): number | undefined {
  if (oneOf(properties, 'compression-type', ['none', 'deflate']) === 'none') return undefined;
  const text = properties.get('compression-level');
  if (text === undefined) return LEVEL;
  if (/^\d$/.test(text)) return Number(text);
  throw new Error(`compression-level is "${text}": set it to a number from 0 to 9.`);
}

function tlsOf(properties: ReadonlyMap<string, string>): ClientTlsConfig {
  const names = (name: string) => (properties.get(name) ?? '').split(/\s+/).filter(Boolean);
  return {
    ssl: isTrue(properties.get('ssl')),
    trustAllCerts: isTrue(properties.get('trust-all-certs')),
    truststore: properties.get('truststore'),
    truststorePassword: properties.get('truststore-password'),
    excludeProtocols: names('exclude-protocols'),
    includeProtocols: names('include-protocols'),
    excludeCipherSuites: names('exclude-cipher-suites'),
    includeCipherSuites: names('include-cipher-suites'),
  };
}

/** A whole number; undefined, as in Flume, also where it is none or too small. */
function atLeast(least: number, text: string | undefined): number | undefined {
  const value = /^\+?\d{1,10}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return value >= least && value < 2 ** 31 ? value : undefined;
}

/** A name in any case, of which the first is the default. */
function oneOf<Name extends string>(
  properties: ReadonlyMap<string, string>,
  property: string,
  names: readonly [Name, ...Name[]],
): Name {
  const text = properties.get(property) ?? names[0];
  const found = names.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw new Error(`${property} is "${text}": set it to ${names.slice(0, -1).join(', ')} or ${names.at(-1)}.`);
}

const isTrue = (text: string | undefined) => text?.toLowerCase() === 'true';
