import { type Batch, ChannelError } from '@millrace/channel-native';
import type { ChannelPort, Connect, Lease, Need, Reservation, TakeOptions } from '../../channel.ts';
import { batchOf, Packer } from './block.ts';
import { Link } from './link.ts';
import type { Connected, Leased } from './messages.ts';
import { cancelled, closed, stale } from './question.ts';
import { Board, Room } from './shared.ts';

/** Where a worker finds the channel. */
export interface JdbcAddress {
  /** Where it stands in the order in which channels are reserved. */
  readonly id: number;
  readonly channel: string;
  /** The thread of its store. */
  readonly thread: number;
  readonly room: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
  readonly keepAliveMs: number;
  readonly transactionCapacity: number;
}

/** Connects a worker to the channel. */
export const connect: Connect = async (data, owner) => {
  const address = data as JdbcAddress;
  const link = await Link.to(address.thread);
  const connected = await link.ask<Connected>({ op: 'connect', channel: address.channel, owner });
  return new JdbcPort(address, link, connected);
};

class JdbcPort implements ChannelPort {
  readonly address: JdbcAddress;
  readonly durable = true;
  readonly transactionCapacity: number;
  readonly link: Link;
  readonly port: number;
  readonly #cell: number;
  readonly #room: Room;
  readonly #board: Board;
  #lastHidden = 0;

  constructor(address: JdbcAddress, link: Link, { port, cell }: Connected) {
    this.address = address;
    this.transactionCapacity = address.transactionCapacity;
    this.link = link;
    this.port = port;
    this.#cell = cell;
    this.#room = new Room(address.room);
    this.#board = new Board(address.board);
  }

  free(): number {
    this.#mustBeOpen();
    return this.#room.free();
  }

  tryPut(batch: Batch): boolean | Promise<void> {
    if (batch.length === 0) return true;
    const reservation = this.tryReserve({ events: batch.length, bytes: batch.byteLength });
    if (reservation === undefined) return false;
    reservation.fill(batch);
    return reservation.publish() ?? true;
  }

  tryReserve(need: Pick<Need, 'events' | 'bytes'>): JdbcReservation | undefined {
    this.#mustBeOpen();
    this.#mustFit(need.events, 'Put');
    return this.#room.tryReserve(this.#cell, need.events) ? new JdbcReservation(this, need) : undefined;
  }

  async reserve(
    need: Need,
    { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Reservation> {
    this.#mustBeOpen();
    this.#mustFit(need.events, 'Put');
    await this.link.ask({ op: 'reserve', port: this.port, events: need.events, waitMs }, [], signal);
    const reservation = new JdbcReservation(this, need);
    if (!signal?.aborted) return reservation;
    reservation.void();
    throw cancelled();
  }

  async take({ max, minEvents, lingerMs, signal }: TakeOptions): Promise<Lease> {
    const lease = await this.#take({ max, minEvents: Math.min(minEvents, max), lingerMs, wait: true }, signal);
    if (!signal?.aborted) return lease!;
    lease!.rollback();
    throw cancelled();
  }

  async tryTake(max: number): Promise<Lease | undefined> {
    return this.#take({ max, minEvents: 1, lingerMs: 0, wait: false });
  }

  /** A number for a put that is hidden. */
  nextHidden(): number {
    this.#lastHidden += 1;
    return this.#lastHidden;
  }

  /** Gives room back that was not used. */
  unused(events: number): void {
    this.#room.release(this.#cell, events);
    this.link.tell({ op: 'unused', port: this.port, events });
  }

  async #take(
    options: { max: number; minEvents: number; lingerMs: number; wait: boolean },
    signal?: AbortSignal,
  ): Promise<Lease | undefined> {
    this.#mustBeOpen();
    this.#mustFit(options.max, 'Take');
    const leased = await this.link.ask<Leased | undefined>({ op: 'take', port: this.port, ...options }, [], signal);
    return leased && new JdbcLease(this, leased);
  }

  #mustBeOpen(): void {
    if (this.#board.closed || this.link.over) throw closed();
  }

  #mustFit(events: number, what: 'Put' | 'Take'): void {
    const { transactionCapacity } = this;
    const capacity = what === 'Put' && this.#room.capacity > 0 ? this.#room.capacity : Number.POSITIVE_INFINITY;
    const limit = Math.min(transactionCapacity, capacity);
    if (events <= limit) return;
    const name = limit === transactionCapacity ? 'transactionCapacity' : 'maximum.capacity';
    throw new ChannelError(
      'MR_CHANNEL_TOO_LARGE',
      `${what} of ${events} events is larger than ${name}, which is ${limit}: raise that, or make the batches smaller.`,
    );
  }
}

/** Room in the database. What is filled is gathered here and travels when it is published. */
class JdbcReservation implements Reservation {
  readonly #to: JdbcPort;
  readonly #events: number;
  readonly #packer: Packer;
  #state: 'open' | 'hidden' | 'over' = 'open';
  #hidden = 0;

  constructor(to: JdbcPort, need: Pick<Need, 'events' | 'bytes'>) {
    this.#to = to;
    this.#events = need.events;
    this.#packer = new Packer(need);
  }

  fill(batch: Batch): void {
    this.#packer.add(batch);
  }

  async commit(): Promise<void> {
    if (this.#state !== 'open') throw stale();
    this.#hidden = this.#to.nextHidden();
    await this.#send(this.#hidden);
    this.#state = 'hidden';
  }

  publish(): void | Promise<void> {
    if (this.#state === 'open') return this.#send(undefined);
    if (this.#state === 'over') throw stale();
    this.#state = 'over';
    this.#to.link.tell({ op: 'publish', port: this.#to.port, hidden: this.#hidden });
  }

  void(): void {
    const { link, port } = this.#to;
    if (this.#state === 'open') this.#to.unused(this.#events);
    else if (this.#state === 'hidden') link.tell({ op: 'void', port, hidden: this.#hidden });
    this.#state = 'over';
  }

  [Symbol.dispose](): void {
    this.void();
  }

  /** From here on the room is the store's to give back. */
  #send(hidden: number | undefined): Promise<void> {
    this.#state = 'over';
    const packed = this.#packer.finish();
    if (packed.events < this.#events) this.#to.unused(this.#events - packed.events);
    if (packed.events === 0) return Promise.resolve();
    return this.#to.link.ask({ op: 'put', port: this.#to.port, packed, hidden }, [packed.block.buffer]);
  }
}

class JdbcLease implements Lease {
  readonly batch: Batch;
  readonly #from: JdbcPort;
  readonly #lease: number;
  #open = true;

  constructor(from: JdbcPort, { lease, packed }: Leased) {
    this.#from = from;
    this.#lease = lease;
    this.batch = batchOf(packed.block, packed);
  }

  async commit(): Promise<void> {
    await this.#from.link.ask({ op: 'remove', port: this.#from.port, lease: this.#lease });
    this.#open = false;
  }

  rollback(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#from.link.tell({ op: 'giveBack', port: this.#from.port, lease: this.#lease });
  }

  [Symbol.dispose](): void {
    this.rollback();
  }
}
