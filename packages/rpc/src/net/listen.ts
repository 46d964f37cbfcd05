import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** As many connections as may wait to be accepted; the system caps it. */
const BACKLOG = 4_096;

/** Where to listen, and for whom. */
export interface ListenOptions {
  /** A name or an address; undefined listens on every address. */
  readonly host: string | undefined;
  readonly port: number;
  /** Whether a client that has sent its last byte may still wait for answers. */
  readonly allowHalfOpen?: boolean;
}

/**
 * Listens for connections, which begin paused. Resolves when it does, and rejects with what stands in the way; the caller takes care of the
 * `error` events that come later.
 */
export async function listen(
  { host, port, allowHalfOpen = false }: ListenOptions,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  // Clients that are gone without a word would else be waited for as long as the agent runs.
  const server = createServer({ allowHalfOpen, keepAlive: true, noDelay: true, pauseOnConnect: true }, onSocket);
  try {
    // A name may have several addresses, of which Java takes the IPv4 one.
    const where = host === undefined ? {} : { host: (await lookup(host, { order: 'ipv4first' })).address };
    server.listen({ ...where, port, backlog: BACKLOG });
    await once(server, 'listening');
    return server;
  } catch (cause) {
    throw cannotListen(host, port, cause);
  }
}

/** Why it cannot be listened on an address, and what to do. */
export function cannotListen(host: string | undefined, port: number, cause: unknown): Error {
  const { code = String(cause) } = cause as NodeJS.ErrnoException;
  const advice = ADVICE[code] ?? 'look at the address and the system';
  return new Error(`Cannot listen on ${host ?? 'any address'}, port ${port} (${code}): ${advice}.`, { cause });
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already; stop it, or choose another port',
  EACCES: 'ports below 1024 need a privilege; choose another port',
  EADDRNOTAVAIL: 'this host does not have that address; choose one of its own, or 0.0.0.0',
  ENOTFOUND: 'there is no such name; look at how it is written',
  EAI_AGAIN: 'the name cannot be looked up now; look at the name service',
};
