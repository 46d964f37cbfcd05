import { once } from 'node:events';
import { type AddressInfo, Socket } from 'node:net';
import { BatchBuilder, type DirectEnd, DirectPut, type WireProtocol } from '@millrace/channel-native';
import { Clients, InFlight, type Layers, listen, PlainSocket, type Reception } from '../net/index.ts';
import { avroOkParts } from './avro-answers.ts';
import { Connection, type Handler, type ServerLog } from './connection.ts';
import { binaryAnswers, compactAnswers } from './thrift-answers.ts';

const IN_FLIGHT_BYTES_MAX = 64 << 20;
/** With less for all, small requests count, too. */
const DIRECT_IN_FLIGHT_BYTES_MIN = 1 << 20;

/** What native code needs to handle requests by itself. */
export interface Direct {
  readonly into: DirectEnd;
  readonly appends: readonly Float64Array[];
  readonly batches: readonly Float64Array[];
}

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
  /** A channel of the same thread into which small requests go without `handler`, as long as it has room; and counters of the requests of each kind. */
  readonly direct?: Direct;
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
  const isPlain = layers.tls === undefined && layers.compressionLevel === undefined;
  const inFlight = new InFlight(inFlightBytesMax);
  const limits = { requestBytesMax: Math.min(requestBytesMax, inFlightBytesMax) };
  const mayDirect = isPlain && limits.requestBytesMax >= DIRECT_IN_FLIGHT_BYTES_MIN;
  const direct =
    mayDirect && options.direct
      ? DirectPut.open({ protocol, ...limits, ...options.direct, ...okParts(protocol) })
      : undefined;
  const shared = { protocol, builder, ...limits, inFlight, handler, direct, log };
  const clients = new Clients({ layers, log, onConnections });
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
      direct?.close();
      await closed;
    },
  };
}

function okParts(protocol: WireProtocol) {
  if (protocol === 'avro') return { appendAnswer: avroOkParts, batchAnswer: avroOkParts };
  const answers = protocol === 'thrift-compact' ? compactAnswers : binaryAnswers;
  return { appendAnswer: answers.okParts('append'), batchAnswer: answers.okParts('appendBatch') };
}
