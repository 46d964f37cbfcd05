import { once } from 'node:events';
import { type AddressInfo, Socket } from 'node:net';
import { BatchBuilder, type WireProtocol } from '@millrace/channel-native';
import { Clients, InFlight, type Layers, listen, PlainSocket, type Reception } from '../net/index.ts';
import { Connection, type Handler, type ServerLog } from './connection.ts';

const IN_FLIGHT_BYTES_MAX = 64 << 20;

export interface RpcServerOptions {
  /** A name or an address. */
  readonly host: string;
  /** 0 takes a free port: `address` of the server says which. */
  readonly port: number;
  readonly protocol: WireProtocol;
  /** TLS and compression, as `@millrace/rpc/net` makes them. */
  readonly layers?: Layers;
  /** The builder whose memory the batches are in; by default one of the server’s own. */
  readonly builder?: BatchBuilder;
  /** Most bytes that all connections together have sent and not yet been answered. Default 64 MiB. */
  readonly inFlightBytesMax?: number;
  /** The longest request, in bytes. By default and at most what `inFlightBytesMax` is. */
  readonly requestBytesMax?: number;
  /** Decides by its address whether a client may connect; others are disconnected at once. */
  readonly admit?: (address: string) => boolean | Promise<boolean>;
  readonly log?: ServerLog;
  /** Told about every connection that begins or ends. */
  readonly onConnections?: (change: 1 | -1) => void;
}

export interface RpcServer {
  /** Where it listens. */
  readonly address: AddressInfo;
  /** Accepts nothing more; resolves when everything that was read is answered and every connection is closed. */
  close(): Promise<void>;
}

const silent: ServerLog = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Listens for events of Flume's Avro or Thrift clients. `handler` is called with the events of each request, several times at once; they may not be used
 * after it has settled. Rejects when it cannot listen.
 */
export async function serve(options: RpcServerOptions, handler: Handler): Promise<RpcServer> {
  const { host, port, protocol, layers = {}, admit, log = silent, onConnections } = options;
  const {
    builder = new BatchBuilder(),
    inFlightBytesMax = IN_FLIGHT_BYTES_MAX,
    requestBytesMax = inFlightBytesMax,
  } = options;
  const inFlight = new InFlight(inFlightBytesMax);
  const shared = {
    protocol,
    builder,
    requestBytesMax: Math.min(requestBytesMax, inFlightBytesMax),
    inFlight,
    handler,
    log,
  };
  const clients = new Clients({ layers, log, onConnections });
  const isPlain = layers.tls === undefined && layers.compressionLevel === undefined;
  const reception: Reception<boolean> = {
    admit: admit ?? (() => true),
    serve: (stream, peer) => {
      const plain = isPlain && stream instanceof Socket ? PlainSocket.over(stream) : undefined;
      return new Connection(peer, plain ?? stream, shared);
    },
  };

  // A client that has sent its last request may end its side and still wait for answers.
  const server = await listen({ host, port, allowHalfOpen: true }, (socket) => clients.accept(socket, reception));
  server.on('error', (error) => log.error({ error }, 'Accepting a connection failed.'));
  return {
    address: server.address() as AddressInfo,
    async close() {
      const closed = once(server, 'close');
      server.close();
      await clients.close();
      await closed;
    },
  };
}
