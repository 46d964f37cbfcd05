import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import type { Log, Meter } from '@millrace/kernel/component';

const LOOK_MS = 5_000;
/** Columns of `/proc/net/udp`. */
const LOCAL_ADDRESS = 1;
const DROPS = 12;

/** Watches how many datagrams Linux drops because the buffer of a socket is full. Elsewhere it sees nothing. */
export class Losses {
  readonly #where: AddressInfo;
  readonly #lost: Meter;
  readonly #log: Log;
  readonly #timer = setInterval(() => this.#look(), LOOK_MS).unref();
  #known = 0;

  constructor(where: AddressInfo, lost: Meter, log: Log) {
    this.#where = where;
    this.#lost = lost;
    this.#log = log;
  }

  /** Looks for the last time. Call it before the socket is closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look();
  }

  async #look(): Promise<void> {
    const file = this.#where.family === 'IPv6' ? '/proc/net/udp6' : '/proc/net/udp';
    const table = await readFile(file, 'latin1').catch(() => '');
    const drops = dropsOf(table, this.#where);
    const more = drops - this.#known;
    if (more <= 0) return;
    this.#known = drops;
    this.#lost.add(more);
    this.#log.warn(
      { datagrams: more },
      'The system has dropped datagrams because they came faster than they were read: raise receiveBufferBytes, and net.core.rmem_max with it.',
    );
  }
}

/** What a table of sockets says of one. */
export function dropsOf(table: string, { address, port }: Pick<AddressInfo, 'address' | 'port'>): number {
  const place = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const prefix = hexadecimal(address);
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/);
    const local = columns[LOCAL_ADDRESS] ?? '';
    if (local.endsWith(place) && local.startsWith(prefix)) return Number(columns[DROPS] ?? 0);
  }
  return 0;
}

/** An address as the table has it, or as much as can be said. */
function hexadecimal(address: string): string {
  if (address === '::') return '0'.repeat(32);
  if (address.includes(':')) return '';
  return Buffer.from(address.split('.').map(Number).reverse()).toString('hex').toUpperCase();
}
