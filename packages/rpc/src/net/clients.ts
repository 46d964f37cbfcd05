import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Layers, layerServer } from './layers.ts';
import type { Transport } from './plain-socket.ts';

/** How long it may take to admit a client, and how many may be on their way in. */
const ADMISSION_MS = 20_000;
const ENTERING_MAX = 1_024;

export interface ClientsOptions {
  readonly layers: Layers;
  readonly log: Record<'info' | 'warn', (fields: object, message: string) => void>;
  /** Told about every connection that begins or ends. */
  readonly onConnections?: ((change: 1 | -1) => void) | undefined;
}

/** What reads a client that was let in. */
export interface Served {
  /** What emits `close` when it is over, where that is not the stream it was given. */
  readonly transport?: Pick<Transport, 'once'>;
  /** Resolves when it is over and its stream is closed. */
  close(): Promise<void>;
}

/** What a component that listens does with one client after the other. */
export interface Reception<Pass> {
  /** Finds out by the address of a client what `serve` needs, or refuses it with `false`. */
  admit(peer: string): Pass | Promise<Pass>;
  /** Serves a client from now on. */
  serve(stream: Duplex, peer: string, pass: Exclude<Pass, false>): Served;
}

/** The clients of a component that listens: lets them in, in a bounded time and number, and ends them. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #entering = new Set<Socket>();
  readonly #served = new Set<Served>();
  #closing = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Takes an accepted socket; never rejects. */
  async accept<Pass>(socket: Socket, reception: Reception<Pass>): Promise<void> {
    const { log } = this.#options;
    const peer = plainAddress(socket.remoteAddress);
    // Until it is let in, its errors would be nobody's.
    socket.on('error', () => {});
    try {
      await this.#enter(socket, peer, reception);
    } catch (error) {
      socket.destroy();
      if (!this.#closing) log.warn({ error, peer }, 'A connection could not be let in.');
    }
  }

  /** Lets nobody in any more; resolves when nobody is served any more. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const socket of this.#entering) socket.destroy();
    await Promise.all([...this.#served].map((served) => served.close()));
  }

  async #enter<Pass>(socket: Socket, peer: string, { admit, serve }: Reception<Pass>): Promise<void> {
    const { layers, log } = this.#options;
    if (this.#entering.size >= ENTERING_MAX) throw new Error(`${ENTERING_MAX} connections are already being let in.`);
    this.#entering.add(socket);
    try {
      const pass = await admitted(socket, admit(peer));
      if (pass === false) {
        log.info({ peer }, 'A connection was refused by its address.');
        socket.destroy();
        return;
      }
      const stream = await layerServer(socket, layers);
      if (this.#closing) socket.destroy();
      else if (!stream.destroyed) this.#note(stream, serve(stream, peer, pass as Exclude<Pass, false>));
    } finally {
      this.#entering.delete(socket);
    }
  }

  #note(stream: Duplex, served: Served): void {
    const { onConnections } = this.#options;
    this.#served.add(served);
    onConnections?.(1);
    const { transport = stream } = served;
    transport.once('close', () => {
      this.#served.delete(served);
      onConnections?.(-1);
    });
  }
}

/** What is found out about a client, if it is in time and the client is still there. */
async function admitted<Pass>(socket: Socket, finding: Pass | Promise<Pass>): Promise<Pass> {
  const { promise: given, reject: giveUp } = Promise.withResolvers<never>();
  const late = () => giveUp(new Error(`It could not be decided within ${ADMISSION_MS} ms whether it may connect.`));
  const gone = () => giveUp(new Error('The connection was lost.'));
  const timer = setTimeout(late, ADMISSION_MS);
  socket.once('close', gone);
  try {
    return await Promise.race([finding, given]);
  } finally {
    clearTimeout(timer);
    socket.off('close', gone);
  }
}

/** An address as people write it: one of IPv4 may come in the clothes of IPv6. */
export function plainAddress(address = ''): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
