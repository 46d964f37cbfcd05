import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import { DatagramSocket } from '@millrace/channel-native';
import type { Log } from '@millrace/kernel/component';
import { cannotListen } from '@millrace/rpc/net';

interface Place {
  readonly host: string | undefined;
  readonly port: number;
  readonly receiveBufferBytes: number;
}

interface Bound {
  readonly socket: DatagramSocket;
  readonly address: AddressInfo;
}

/** Binds a socket to a name or an address, or to every address. Says when the system grants a smaller buffer than it should have. */
export async function openSocket(
  place: Place,
  { origins, log }: { readonly origins: boolean; readonly log: Log },
): Promise<Bound> {
  const bound = await bind(place, origins);
  const { receiveBufferBytes: granted } = bound.socket;
  const bytes = place.receiveBufferBytes;
  if (granted < bytes) {
    log.warn(
      { askedBytes: bytes, grantedBytes: granted },
      `The system grants a receive buffer of ${granted} bytes instead of ${bytes}, and drops what does not fit: sysctl -w net.core.rmem_max=${bytes}, or set receiveBufferBytes lower.`,
    );
  }
  return bound;
}

async function bind({ host, port, receiveBufferBytes }: Place, origins: boolean): Promise<Bound> {
  const open = (address: string): Bound => {
    const socket = DatagramSocket.open({ address, port, receiveBufferBytes, origins });
    return { socket, address: { address, port: socket.port, family: address.includes(':') ? 'IPv6' : 'IPv4' } };
  };
  try {
    // A name may have several addresses, of which Java takes the IPv4 one.
    if (host !== undefined) return open((await lookup(host, { order: 'ipv4first' })).address);
    return openAny(open);
  } catch (cause) {
    throw cannotListen(host, port, cause);
  }
}

/** Where there is no IPv6, every address is one of IPv4. */
function openAny(open: (address: string) => Bound): Bound {
  try {
    return open('::');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
    return open('0.0.0.0');
  }
}
