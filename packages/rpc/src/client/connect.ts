import { once } from 'node:events';
import { connect as openSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Layers, layerClient } from '../net/index.ts';
import { avroCodec } from './avro.ts';
import { shakeHands } from './avro-handshake.ts';
import type { RpcClient } from './client.ts';
import type { Codec } from './codec.ts';
import { Connection } from './connection.ts';
import { RpcError, reasonOf } from './error.ts';
import { thriftCodec } from './thrift.ts';

export type Protocol = 'avro' | 'thrift-compact' | 'thrift-binary';

/** Flume's default for both timeouts. */
export const TIMEOUT_MS = 20_000;

/** Flume's default for the events of one request. */
export const BATCH_SIZE = 100;

export interface ConnectOptions {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** How long it may take until requests can be made, TLS and Avro's handshake included. Default 20,000. */
  readonly connectTimeoutMs?: number;
  /** How long an answer may take. Default 20,000. */
  readonly requestTimeoutMs?: number;
  /** Most events in one request. Default 100. */
  readonly batchSize?: number;
  /** TLS and compression, as the peer has them. */
  readonly layers?: Layers;
  /** Gives up when it aborts, at any time of the client's life. */
  readonly signal?: AbortSignal | undefined;
}

const codecs: Readonly<Record<Protocol, Codec>> = {
  avro: avroCodec,
  'thrift-compact': thriftCodec('compact'),
  'thrift-binary': thriftCodec('binary'),
};

/** Connects to an Avro or Thrift source. Rejects with an {@link RpcError} when requests cannot be made in time. */
export async function connect(options: ConnectOptions): Promise<RpcClient> {
  const { protocol, host, port, layers = {}, signal, batchSize = BATCH_SIZE } = options;
  const { connectTimeoutMs = TIMEOUT_MS, requestTimeoutMs = TIMEOUT_MS } = options;
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

  const socket = openSocket({ host, port, noDelay: true, keepAlive: true, ...(signal && { signal }) });
  let stream: Duplex = socket;
  let cause: unknown;
  const noteCause = (error: unknown) => {
    cause ??= error;
  };
  socket.on('error', noteCause);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const lost = closed.then(() => {
    throw cause ?? new Error('the peer has closed the connection');
  });
  const timer = setTimeout(() => {
    noteCause(new RpcError('MR_PEER_TIMEOUT', late(where, connectTimeoutMs)));
    socket.destroy();
  }, connectTimeoutMs);

  const establish = async () => {
    await once(socket, 'connect');
    stream = await layerClient(socket, layers, connectTimeoutMs);
    stream.on('error', noteCause);
    if (protocol === 'avro') await shakeHands(stream);
    return new Connection(stream, { codec: codecs[protocol], where, batchSize, requestTimeoutMs });
  };
  try {
    return await Promise.race([establish(), lost]);
  } catch (error) {
    noteCause(error);
    stream.destroy();
    socket.destroy();
    await closed;
    throw cause instanceof RpcError ? cause : unreachable(where, cause);
  } finally {
    clearTimeout(timer);
  }
}

const late = (where: string, timeoutMs: number) =>
  `${where} is not ready for requests within ${timeoutMs} ms: ${MISMATCH}, or raise the connect timeout.`;

const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'start the agent there, or correct the host and port',
  ENOTFOUND: 'correct the host, or let the name service know it',
  EAI_AGAIN: 'look whether the name service works',
  EHOSTUNREACH: 'look whether the host is up and the network leads there',
  ENETUNREACH: 'look whether the network leads there',
};

/** What to do where the reason does not say it. */
const MISMATCH = 'look whether it is a source of the same protocol, with the same settings for TLS and compression';

function unreachable(where: string, cause: unknown): RpcError {
  const reason = reasonOf(cause);
  const remedy = remedies[(cause as NodeJS.ErrnoException).code ?? ''] ?? MISMATCH;
  // What the layers say of their own accord is a sentence with its remedy, but for a peer that just hangs up.
  const known = reason.endsWith('.') && !reason.includes('has closed the connection');
  const message = known
    ? `Cannot connect to ${where}. ${reason}`
    : `Cannot connect to ${where} (${reason.replace(/\.$/, '')}): ${remedy}.`;
  return new RpcError('MR_PEER_UNREACHABLE', message, { cause });
}
