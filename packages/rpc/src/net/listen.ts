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

/** Listens for connections, which begin paused. Resolves when it does; the caller takes care of later `error` events. */
export async function listen(
  { host, port, allowHalfOpen = false }: ListenOptions,
  onSocket: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen, noDelay: true, pauseOnConnect: true }, onSocket);
  // A name may have several addresses, of which Java takes the IPv4 one.
  const where = host === undefined ? {} : { host: (await lookup(host, { order: 'ipv4first' })).address };
  server.listen({ ...where, port, backlog: BACKLOG });
  await once(server, 'listening');
  return server;
}
