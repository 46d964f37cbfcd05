import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from './tls.ts';

/** What stands between a socket and those who speak: nothing, TLS, compression, or both, and then the compressed bytes are those of TLS. */
export interface Layers {
  readonly tls?: TlsOptions | undefined;
  /** From 0 to 9; undefined compresses nothing. */
  readonly compressionLevel?: number | undefined;
}

/**
 * Puts the layers around an accepted socket; without layers it is the socket itself. Resolves when TLS is up, and rejects, with the socket destroyed,
 * when that fails or takes too long. Destroying the stream destroys the socket. The stream has no address: ask the socket for it before.
 */
export async function layerServer(socket: Socket, _layers: Layers, _timeoutMs = 20_000): Promise<Duplex> {
  return socket;
}

/** The same around a connected socket. */
export async function layerClient(socket: Socket, _layers: Layers, _timeoutMs: number): Promise<Duplex> {
  return socket;
}
