import type { Layers } from '../net/index.ts';
import { connectBalanced } from './balanced.ts';
import type { RpcClient } from './client.ts';
import { connect } from './connect.ts';
import { connectFailover } from './failover.ts';
import type { BalanceOptions } from './host-order.ts';

/** Flume's kinds of clients. */
export type ClientType = 'default' | 'default_failover' | 'default_loadbalance' | 'thrift';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** What Flume's properties of a client say. */
export interface ClientSettings extends BalanceOptions {
  readonly clientType: ClientType;
  /** At least one; `default` and `thrift` connect to the first alone. */
  readonly hosts: readonly HostAndPort[];
  /** For `thrift`. */
  readonly encoding: 'compact' | 'binary';
  readonly batchSize: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Most hosts to which `default_failover` sends one request. Default: as many as there are. */
  readonly maxAttempts?: number | undefined;
}

interface OpenOptions {
  readonly layers?: Layers;
  readonly signal?: AbortSignal;
  /** Told about every connection that is made; clients of several hosts make them as they send. */
  readonly onConnected?: (where: HostAndPort) => void;
}

/** Makes the client that the settings ask for; the kinds for one host are connected when this resolves. */
export async function openClient(
  settings: ClientSettings,
  { layers, signal, onConnected }: OpenOptions = {},
): Promise<RpcClient> {
  const { clientType, hosts, encoding, ...options } = settings;
  const protocol = clientType === 'thrift' ? (`thrift-${encoding}` as const) : 'avro';
  const open = async ({ host, port }: HostAndPort) => {
    const client = await connect({ ...options, protocol, host, port, signal, ...(layers && { layers }) });
    onConnected?.({ host, port });
    return client;
  };
  if (clientType === 'default_failover') return connectFailover(hosts, open, options);
  if (clientType === 'default_loadbalance') return connectBalanced(hosts, open, options);
  return open(hosts[0]!);
}

/** The hosts of a list of names with blanks between them, of which `addresses` has those. Throws which one cannot be used. */
export function hostsOf(list: string, addresses: Readonly<Record<string, string>>): HostAndPort[] {
  return list
    .split(/\s+/)
    .filter(Boolean)
    .map((name) => {
      const address = Object.hasOwn(addresses, name) ? addresses[name]! : '';
      const [, host, port] = /^\s*([^:\s]+):(\d{1,5})\s*$/.exec(address) ?? [];
      if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
      throw new Error(`hosts.${name} is "${address}": set it to HOST:PORT, such as collector1:4141.`);
    });
}
