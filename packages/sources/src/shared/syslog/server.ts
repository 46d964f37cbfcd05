import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { headerMap } from '@millrace/channel-native';
import type { Meter, RunningSource, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';
import { InFlight, layerServer, listen, type ServerTlsConfig, serverLayers } from '@millrace/rpc/net';
import { PeerNames, plainAddress } from '../peers.ts';
import { Connection } from './connection.ts';
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

/** How long a client may take to be let in, and how many may be waiting for it. */
const ENTERING_MS = 20_000;
const ENTERING_MAX = 1_024;

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
  const entering = new Set<Socket>();
  const connections = new Set<Connection>();
  let closing = false;

  async function headersOf(address: string, port: number): Promise<Uint8Array> {
    const headers: Record<string, string> = {};
    if (portHeader !== undefined) headers[portHeader] = String(port);
    if (config.clientIpHeader !== undefined) headers[config.clientIpHeader] = address;
    if (config.clientHostnameHeader !== undefined) headers[config.clientHostnameHeader] = await names.of(address);
    return headerMap(builder, headers);
  }

  /** Lets a client in, in a bounded time. */
  async function enter(socket: Socket): Promise<Duplex> {
    if (entering.size >= ENTERING_MAX) throw new Error(`${ENTERING_MAX} connections are already being let in.`);
    entering.add(socket);
    try {
      return await layerServer(socket, layers, ENTERING_MS);
    } finally {
      entering.delete(socket);
    }
  }

  async function accept(socket: Socket, port: number, reader: MessageReader): Promise<void> {
    // Until it is let in, its errors would be nobody's.
    socket.on('error', () => {});
    const peer = plainAddress(socket.remoteAddress);
    try {
      const [stream, headers] = await Promise.all([enter(socket), headersOf(peer, port)]);
      if (closing) socket.destroy();
      else if (!stream.destroyed) connect(peer, stream, reader, headers);
    } catch (error) {
      socket.destroy();
      if (!closing) log.warn({ error, peer }, 'A connection could not be let in.');
    }
  }

  function connect(peer: string, stream: Duplex, reader: MessageReader, headers: Uint8Array): void {
    const connection = new Connection(peer, stream, { reader, headers, inFlight, emitAll, log });
    connections.add(connection);
    metrics.connections.add(1);
    stream.once('close', () => {
      connections.delete(connection);
      metrics.connections.add(-1);
    });
  }

  async function listenOn(port: number): Promise<Server | undefined> {
    try {
      const server = await listen({ host: config.host, port }, (socket) => accept(socket, bound, reader));
      const bound = (server.address() as AddressInfo).port;
      const reader = readerOf(bound);
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
      closing = true;
      const closed = servers.map((server) => once(server, 'close'));
      for (const server of servers) server.close();
      for (const socket of entering) socket.destroy();
      await Promise.all([...connections].map((connection) => connection.close()));
      await Promise.all(closed);
    },
  };
}
