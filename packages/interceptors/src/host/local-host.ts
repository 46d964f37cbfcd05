import { lookup, lookupService } from 'node:dns/promises';
import { hostname } from 'node:os';

/** The address of this host: what its name stands for, by IPv4 where it can be. Rejects when that is nothing. */
export async function addressOfHost(): Promise<string> {
  return (await lookup(hostname(), { order: 'ipv4first' })).address;
}

/** The full name of an address, or the address where it has no name that leads back to it: Java's canonical host name. */
export async function nameOfAddress(address: string): Promise<string> {
  try {
    const { hostname: name } = await lookupService(address, 0);
    const addresses = await lookup(name, { all: true });
    return addresses.some((known) => known.address === address) ? name : address;
  } catch {
    return address;
  }
}
