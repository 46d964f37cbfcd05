import { once } from 'node:events';
import { type AddressInfo, Socket } from 'node:net';
import { BatchBuilder, type DirectEnd, DirectPut, type WireProtocol } from '@millrace/channel-native';
import { Clients, InFlight, type Layers, listen, PlainSocket, type Reception } from '../net/index.ts';
import { avroOkParts } from './avro-answers.ts';
import { Connection, type Handler, type ServerLog } from './connection.ts';
import { binaryAnswers, compactAnswers } from './thrift-answers.ts';

const IN_FLIGHT_BYTES_MAX = 64 << 20;
/** More than the events of one piece of a socket, which has 64 KiB, can take: those that are put directly are not compared with the limit. */
const DIRECT_REQUEST_BYTES_MIN = 1 << 20;

/** What native code needs to handle requests by itself: a channel of the same thread, and counters that grow by the requests of one event and of many. */
export interface DirectRequests {
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
  /** Lets requests that come whole, without TLS and compression, go into a channel without `handler`, as long as it has room for them. */
  readonly direct?: DirectRequests;
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
  const wire = { protocol, requestBytesMax: Math.min(requestBytesMax, inFlightBytesMax) };
  const directly = isPlain && wire.requestBytesMax >= DIRECT_REQUEST_BYTES_MIN ? options.direct : undefined;
  const direct = directly && DirectPut.open({ ...wire, ...directly, ...okParts(protocol) });
  const shared = { ...wire, builder, inFlight, handler, direct, log };
  const clients = new Clients({ layers, log, onConnections });
  const reception: Reception<boolean> = {
    admit: admit ?? (() => true),
    serve: (stream, peer) => {
      const plain = isPlain && stream instanceof Socket ? PlainSocket.over(stream) : undefined;
      return new Connection(peer, plain ?? stream, shared);
    },
  };

  // A client that has sent its last request may end its side and still wait for answers.
  const accept = (socket: Socket) => clients.accept(socket, reception);
  const server = await listen({ host, port, allowHalfOpen: true }, accept).catch((error) => {
    direct?.close();
    throw error;
  });
  server.on('error', (error) => log.error({ error }, 'Accepting a connection failed.'));
  return {
    address: server.address() as AddressInfo,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // What is read from now on is dropped.
      direct?.close();
      await clients.close();
      await closed;
    },
  };
}

function okParts(protocol: WireProtocol) {
  if (protocol === 'avro') return { appendAnswer: avroOkParts, batchAnswer: avroOkParts };
  const answers = protocol === 'thrift-compact' ? compactAnswers : binaryAnswers;
  return { appendAnswer: answers.okParts('append'), batchAnswer: answers.okParts('appendBatch') };
}
