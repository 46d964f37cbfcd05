import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Log } from '@millrace/kernel/component';
import { cannotListen } from '@millrace/rpc/net';

/** Binds a socket to a name or an address, or to every address. */
export async function bind(host: string | undefined, port: number): Promise<Socket> {
  try {
    return await boundTo(host, port);
  } catch (cause) {
    throw cannotListen(host, port, cause);
  }
}

async function boundTo(host: string | undefined, port: number): Promise<Socket> {
  if (host === undefined) {
    // Where there is no IPv6, every address is one of IPv4.
    return bound('udp6', '::', port).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error;
      return bound('udp4', '0.0.0.0', port);
    });
  }
  // A name may have several addresses, of which Java takes the IPv4 one.
  const { address, family } = await lookup(host, { order: 'ipv4first' });
  return bound(family === 6 ? 'udp6' : 'udp4', address, port);
}

async function bound(type: 'udp4' | 'udp6', address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type });
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  return socket;
}

/** Makes the buffer of the system as large as it may be, and says when that is less than it should be. */
export function enlarge(socket: Socket, bytes: number, log: Log): void {
  socket.setRecvBufferSize(bytes);
  // Linux doubles what it is asked for, for what it needs itself.
  const granted = process.platform === 'linux' ? socket.getRecvBufferSize() / 2 : socket.getRecvBufferSize();
  if (granted >= bytes) return;
  log.warn(
    { askedBytes: bytes, grantedBytes: granted },
    `The system grants a receive buffer of ${granted} bytes instead of ${bytes}, and drops what does not fit: sysctl -w net.core.rmem_max=${bytes}, or set receiveBufferBytes lower.`,
  );
}
