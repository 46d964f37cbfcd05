import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { headerMap } from '@millrace/channel-native';
import type { Meter, RunningSource, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';
import { Clients, InFlight, listen, type Reception, type ServerTlsConfig, serverLayers } from '@millrace/rpc/net';
import { PeerNames } from '../peers.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import type { MessageReader } from './format.ts';

/** What a syslog source for connections is told, whatever it is called. */
export interface StreamSource {
  readonly context: Pick<SourceContext<SourceSpec>, 'log' | 'builder' | 'emitAll' | 'signal'> & {
    readonly config: ServerTlsConfig & {
      readonly host: string | undefined;
      readonly clientIpHeader: string | undefined;
      readonly clientHostnameHeader: string | undefined;
      readonly inFlightBytesMax: number;
    };
    readonly metrics: { readonly connections: Meter };
  };
  /** Header for the port that a message came to. */
  readonly portHeader?: string | undefined;
  /** Understands what comes to a port. */
  readonly readerOf: (port: number) => MessageReader;
}

/** Listens for connections on some ports. A port where that fails is told to `failed`, which may throw. */
export async function openStreams(
  source: StreamSource,
  ports: readonly number[],
  failed: (port: number, error: unknown) => void,
): Promise<RunningSource> {
  const { context, portHeader, readerOf } = source;
  const { config, log, metrics, builder, emitAll } = context;
  const layers = await serverLayers(config, { log });
  const inFlight = new InFlight(config.inFlightBytesMax);
  const names = new PeerNames();
  const clients = new Clients({ layers, log, onConnections: (change) => metrics.connections.add(change) });
  /** Those whose client is gone too, until what it has sent is put. */
  const connections = new Set<Connection>();

  function serve(stream: Duplex, peer: string, options: ConnectionOptions): Connection {
    const connection = new Connection(peer, stream, options);
    connections.add(connection);
    stream.once('close', async () => {
      await connection.close();
      connections.delete(connection);
    });
    return connection;
  }

  async function headersOf(address: string, port: number): Promise<Uint8Array> {
    const headers: Record<string, string> = {};
    if (portHeader !== undefined) headers[portHeader] = String(port);
    if (config.clientIpHeader !== undefined) headers[config.clientIpHeader] = address;
    if (config.clientHostnameHeader !== undefined) headers[config.clientHostnameHeader] = await names.of(address);
    return headerMap(builder, headers);
  }

  async function listenOn(port: number): Promise<Server | undefined> {
    try {
      const server = await listen({ host: config.host, port }, (socket) => clients.accept(socket, reception));
      const bound = (server.address() as AddressInfo).port;
      const shared = { reader: readerOf(bound), inFlight, emitAll, log };
      const reception: Reception<Uint8Array> = {
        admit: (peer) => headersOf(peer, bound),
        serve: (stream, peer, headers) => serve(stream, peer, { ...shared, headers }),
      };
      server.on('error', (error) => log.error({ error }, 'Accepting a connection failed.'));
      log.info({ address: server.address() }, 'Listening.');
      return server;
    } catch (error) {
      failed(port, error);
      return undefined;
    }
  }

  const servers = (await Promise.all(ports.map(listenOn))).filter((server) => server !== undefined);
  return {
    async close() {
      const closed = servers.map((server) => once(server, 'close'));
      for (const server of servers) server.close();
      await clients.close();
      await Promise.all([...connections].map((connection) => connection.close()));
      await Promise.all(closed);
    },
  };
}
