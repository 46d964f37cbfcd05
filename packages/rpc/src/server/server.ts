import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { BatchBuilder, type WireProtocol } from '@millrace/channel-native';
import { InFlight, type Layers, layerServer, listen } from '../net/index.ts';
import { Connection, type Handler, type ServerLog } from './connection.ts';

const IN_FLIGHT_BYTES_MAX = 64 << 20;
/** How long a client may take to be let in, and how many may be waiting for it. */
const ENTERING_MS = 20_000;
const ENTERING_MAX = 1_024;

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
  const entering = new Set<Socket>();
  const connections = new Set<Connection>();
  let closing = false;

  /** Lets a client in: through the filter and the layers, in a bounded time. */
  async function enter(socket: Socket): Promise<Duplex | undefined> {
    const peer = socket.remoteAddress ?? '';
    if (entering.size >= ENTERING_MAX) throw new Error(`${ENTERING_MAX} connections are already being let in.`);
    entering.add(socket);
    const timeout = setTimeout(() => socket.destroy(), ENTERING_MS);
    const entered = () => {
      clearTimeout(timeout);
      entering.delete(socket);
    };
    socket.once('close', entered);
    try {
      if ((await admit?.(peer)) !== false) return await layerServer(socket, layers, ENTERING_MS);
      log.info({ peer }, 'A connection was refused by its address.');
      return undefined;
    } finally {
      entered();
    }
  }

  async function accept(socket: Socket): Promise<void> {
    // Until it is let in, its errors would be nobody's.
    socket.on('error', () => {});
    let stream: Duplex | undefined;
    try {
      stream = await enter(socket);
    } catch (error) {
      if (!closing) log.warn({ error, peer: socket.remoteAddress }, 'A connection could not be let in.');
    }
    if (stream === undefined || closing) socket.destroy();
    else if (!stream.destroyed) connect(socket, stream);
  }

  function connect(socket: Socket, stream: Duplex): void {
    const connection = new Connection(socket.remoteAddress, stream, shared);
    connections.add(connection);
    onConnections?.(1);
    stream.once('close', () => {
      connections.delete(connection);
      onConnections?.(-1);
    });
  }

  // A client that has sent its last request may end its side and still wait for answers.
  const server = await listen({ host, port, allowHalfOpen: true }, accept);
  server.on('error', (error) => log.error({ error }, 'Accepting a connection failed.'));
  return {
    address: server.address() as AddressInfo,
    async close() {
      closing = true;
      const closed = once(server, 'close');
      server.close();
      for (const socket of entering) socket.destroy();
      await Promise.all([...connections].map((connection) => connection.close()));
      await closed;
    },
  };
}
