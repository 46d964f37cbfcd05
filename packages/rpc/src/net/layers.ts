import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, TLSSocket } from 'node:tls';
import { Deflated } from './deflated.ts';
import { explainHandshake, type Side } from './handshake-errors.ts';
import type { TlsOptions } from './tls.ts';

/** What stands between a socket and those who speak: nothing, TLS, compression, or both, and then the compressed bytes are those of TLS. */
export interface Layers {
  readonly tls?: TlsOptions | undefined;
  /** From 0 to 9; undefined compresses nothing. */
  readonly compressionLevel?: number | undefined;
}

/** How long a client may take to shake hands. */
const HANDSHAKE_MS = 20_000;

/**
 * Puts the layers around an accepted socket; without layers it is the socket itself. Resolves when TLS is up, and rejects, with the socket destroyed,
 * when that fails or takes too long.
 *
 * Destroying the stream destroys the socket, and when it has emitted `close`, nobody reads any more what was written to it; that may be memory that
 * threads share. The stream has no address of its own: ask the socket for it before.
 */
export function layerServer(socket: Socket, layers: Layers, timeoutMs: number = HANDSHAKE_MS): Promise<Duplex> {
  return layered('server', socket, layers, timeoutMs);
}

/** The same around a connected socket. */
export function layerClient(socket: Socket, layers: Layers, timeoutMs: number): Promise<Duplex> {
  return layered('client', socket, layers, timeoutMs);
}

async function layered(
  side: Side,
  socket: Socket,
  { tls, compressionLevel }: Layers,
  timeoutMs: number,
): Promise<Duplex> {
  if (tls === undefined && compressionLevel === undefined) return socket;
  // Layers learn that a socket is closed when it happens, and not afterwards.
  if (socket.destroyed) throw new Error('The connection is closed already.');
  const { allowHalfOpen } = socket;
  const compressed = compressionLevel === undefined ? socket : new Deflated(socket, compressionLevel);
  const stream = tls === undefined ? compressed : await shakeHands(side, compressed, tls, timeoutMs);
  if (stream.destroyed) throw stream.errored ?? new Error('The connection was lost right behind the TLS handshake.');
  // What the socket was told holds for the outermost layer; an inner one would end before the outer has said its last.
  stream.allowHalfOpen = allowHalfOpen;
  return stream;
}

function shakeHands(side: Side, stream: Duplex, { context, verify }: TlsOptions, timeoutMs: number): Promise<Duplex> {
  const secured =
    side === 'server'
      ? new TLSSocket(stream, { isServer: true, secureContext: context })
      : connect({
          socket: stream,
          secureContext: context,
          rejectUnauthorized: verify,
          checkServerIdentity: () => undefined,
        });
  // It may fail before the caller listens, in the very moment in which the handshake is over; and Node leaves a connection open whose records are
  // wrong. Of a server side that is not one of a `tls.Server` it does not even tell that as an error.
  secured.on('error', () => secured.destroy());
  if (side === 'server') secured.on('_tlsError', (error) => secured.destroy(error));

  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      secured.destroy(new Error(`The ${other[side]} has not finished the TLS handshake in ${timeoutMs} ms.`));
    }, timeoutMs);
    const failed = (error?: Error) => {
      settle();
      reject(explainHandshake(side, error));
    };
    const closed = () => {
      secured.destroy();
      failed();
    };
    const up = () => {
      settle();
      resolve(secured);
    };
    const event = side === 'server' ? 'secure' : 'secureConnect';
    function settle(): void {
      clearTimeout(timer);
      secured.off('error', failed).off('end', closed).off('close', closed).off(event, up);
    }
    secured.on('error', failed).on('end', closed).on('close', closed).on(event, up);
  });
}

const other = { server: 'client', client: 'server' } as const;
