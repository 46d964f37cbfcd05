import { addon } from './addon.ts';
import { Batch } from './batch.ts';
import { ChannelError, failure } from './error.ts';
import { countersOf } from './memory-channel.ts';
import type { Owner } from './owner.ts';

/** Where a channel is; plain data for `postMessage` and `workerData`. */
export interface ChannelAddress {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
  readonly leasesOffset: number;
  readonly capacity: number;
  readonly transactionCapacity: number;
  readonly keepAliveMs: number;
  /** Whether puts go to a log first: they take time then, and can fail. */
  readonly durable: boolean;
}

/** What a put asks for: events, their encoded bytes, and Flume's 100-byte slots of their bodies. */
export interface Need {
  readonly events: number;
  readonly bytes: number;
  readonly slots: number;
}

export interface WaitOptions {
  /** How long to wait for room, in milliseconds; the channel's keep-alive when not said. */
  readonly waitMs?: number | undefined;
  /** Gives the wait up: the promise rejects with `MR_CHANNEL_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** A channel into which native code may put by itself. */
export interface DirectEnd {
  readonly channel: number;
  readonly owner: number;
  readonly transactionCapacity: number;
  /** Counters that grow by what is put. */
  readonly events: readonly Float64Array[];
}

export interface TakeOptions {
  /** Most events; the channel's transactionCapacity when not said. */
  readonly max?: number;
  /** As many events as are worth a lease at once. Default 1. */
  readonly minEvents?: number;
  /** How long fewer than `minEvents` are gathered after the first, in milliseconds. Default 0. */
  readonly lingerMs?: number;
  /** Gives the wait up: the promise rejects with `MR_CHANNEL_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of a row of the lease table. */
const LEASE_ROW = 64;
/** A lease's handle modulo this is its row. */
const ROWS_MAX = 2 ** 20;
const NO_WAIT = -1;

/** One thread's end of a channel: puts and takes. Make one per worker life and channel. */
export class ChannelPort {
  readonly address: ChannelAddress;
  readonly #owner: Owner;
  readonly #memory: Uint8Array;
  readonly #rows: Uint32Array;
  readonly #rowNumbers: Float64Array;

  constructor(address: ChannelAddress, owner: Owner) {
    this.address = address;
    this.#owner = owner;
    this.#memory = new Uint8Array(address.memory);
    this.#rows = new Uint32Array(address.memory, address.leasesOffset);
    this.#rowNumbers = new Float64Array(address.memory, address.leasesOffset);
  }

  /** Most events in one put or take. */
  get transactionCapacity(): number {
    return this.address.transactionCapacity;
  }

  /** Whether events outlive the process. */
  get durable(): boolean {
    return this.address.durable;
  }

  /** What native code needs to put into it by itself; undefined where puts take time. */
  directEnd(events: readonly Float64Array[]): DirectEnd | undefined {
    const { id, durable, transactionCapacity } = this.address;
    return durable ? undefined : { channel: id, owner: this.#owner.id, transactionCapacity, events };
  }

  /** Events that a put could have at once, as far as their number goes; 0 while puts wait. */
  free(): number {
    return addon.freeEvents(this.address.id);
  }

  /**
   * Puts a batch whole. Resolves when it is in the channel; rejects with `MR_CHANNEL_FULL` after the wait, and with
   * `MR_CHANNEL_TOO_LARGE` at once when it can never fit.
   */
  async put(batch: Batch, options: WaitOptions = {}): Promise<void> {
    const putting = this.tryPut(batch);
    if (putting !== false) return void (await putting);
    using reservation = await this.reserve(needOf(batch), options);
    reservation.fill(batch);
    await reservation.publish();
  }

  /**
   * Puts a batch if there is room now and nobody waits for it; says whether it did, or promises to say when the log has it. Throws when it can
   * never fit.
   */
  tryPut(batch: Batch): boolean | Promise<void> {
    if (batch.length === 0) return true;
    const { memory, base, size, first, length, start, end } = batch;
    const { id, durable } = this.address;
    const token = durable ? this.#owner.nextToken() : 0;
    const outcome = addon.put(id, this.#owner.id, token, NO_WAIT, memory, base, size, first, length, start, end);
    return outcome === addon.LATER ? this.#owner.settled(id, token) : outcome === 0;
  }

  /** Room for a put, if there is some now; `undefined` when there is not. Throws when there can never be. */
  tryReserve(need: Need): Reservation | undefined {
    const outcome = addon.reserve(this.address.id, this.#owner.id, 0, need.events, need.bytes, need.slots, NO_WAIT);
    return outcome >= 0 ? this.#reservation(outcome) : undefined;
  }

  /** Room for a put. Rejects with `MR_CHANNEL_FULL` when none came within the wait. */
  async reserve(need: Need, { waitMs = this.address.keepAliveMs, signal }: WaitOptions = {}): Promise<Reservation> {
    const token = this.#owner.nextToken();
    const { id } = this.address;
    let outcome = addon.reserve(id, this.#owner.id, token, need.events, need.bytes, need.slots, Math.max(0, waitMs));
    if (outcome === addon.LATER) outcome = await this.#wait(token, signal);
    if (outcome < 0) throw failure(id, outcome);
    const reservation = this.#reservation(outcome);
    if (signal?.aborted) {
      reservation.void();
      throw cancelled();
    }
    return reservation;
  }

  /** A lease at once when there is one, without a promise; else a promise of one. */
  take({
    max = this.address.transactionCapacity,
    minEvents = 1,
    lingerMs = 0,
    signal,
  }: TakeOptions = {}): Lease | Promise<Lease> {
    const token = this.#owner.nextToken();
    const outcome = addon.take(this.address.id, this.#owner.id, token, max, minEvents, lingerMs, true);
    return outcome >= 0 ? this.#lease(outcome) : this.#takeLater(token, signal);
  }

  /** A lease of what is there now, if anything is. */
  tryTake(max = this.address.transactionCapacity): Lease | undefined {
    const outcome = addon.take(this.address.id, this.#owner.id, 0, max, 1, 0, false);
    return outcome >= 0 ? this.#lease(outcome) : undefined;
  }

  /** Events that wait to be taken, those that a log still has to bring back included. */
  queued(): number {
    return countersOf(this.address.id).queued;
  }

  async #takeLater(token: number, signal: AbortSignal | undefined): Promise<Lease> {
    const outcome = await this.#wait(token, signal);
    if (outcome < 0) throw failure(this.address.id, outcome);
    const lease = this.#lease(outcome);
    if (signal?.aborted) {
      lease.rollback();
      throw cancelled();
    }
    return lease;
  }

  /** The outcome of a wait. An abort that comes too late is left to the caller, who then holds what was granted. */
  async #wait(token: number, signal: AbortSignal | undefined): Promise<number> {
    const outcome = this.#owner.wait(token);
    if (signal === undefined) return outcome;

    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => {
      if (!addon.cancelWait(this.address.id, this.#owner.id, token)) return;
      this.#owner.forget(token);
      reject(cancelled());
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([outcome, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #lease(handle: number): Lease {
    const row = handle % ROWS_MAX;
    const numbers = (row * LEASE_ROW) / 8;
    const fields = (row * LEASE_ROW) / 4 + 4;
    const batch = new Batch(this.#memory, {
      base: this.#rowNumbers[numbers]!,
      size: this.#rowNumbers[numbers + 1]!,
      first: this.#rows[fields]!,
      length: this.#rows[fields + 1]!,
      start: this.#rows[fields + 2]!,
      end: this.#rows[fields + 3]!,
    });
    return new Lease(this.address.id, this.#owner, handle, batch);
  }

  #reservation(handle: number): Reservation {
    const { id, durable } = this.address;
    return durable ? new DurableReservation(id, this.#owner, handle) : new Reservation(id, this.#owner.id, handle);
  }
}

/** What a put of this batch asks for. */
export function needOf(batch: Batch): Need {
  return { events: batch.length, bytes: batch.byteLength, slots: batch.slots() };
}

/** Publishes reservations in several channels in one native call, so that the death of this worker cannot come between. */
export function publishAll(reservations: readonly Reservation[]): void {
  const [first] = reservations;
  if (first === undefined) return;
  publish(
    first.owner,
    reservations.flatMap((reservation) => reservation.spend()),
  );
}

/** In a worker that has just been terminated the call does nothing and says nothing; nobody may take that for a success. */
function publish(owner: number, pairs: number[]): void {
  if (addon.publish(owner, pairs) !== true) throw terminated();
}

function terminated(): ChannelError {
  return new ChannelError('MR_CHANNEL_STALE', 'The worker is being terminated: nothing was published.');
}

/** Room in a channel that is held for one put. Leaving its scope without publishing gives it back. */
export class Reservation {
  readonly owner: number;
  protected readonly channel: number;
  protected readonly handle: number;
  #open = true;

  constructor(channel: number, owner: number, handle: number) {
    this.channel = channel;
    this.owner = owner;
    this.handle = handle;
  }

  /** Makes what was filled durable and keeps it hidden until it is published. Only channels over a log have this. */
  commit?(): Promise<void>;

  /** Copies a batch behind what was filled before. Throws `MR_CHANNEL_FULL` when it is more than was reserved. */
  fill(batch: Batch): void {
    const { memory, base, size, first, length, start, end } = batch;
    addon.fill(this.channel, this.owner, this.handle, memory, base, size, first, length, start, end);
  }

  /** Makes what was filled visible to takers. */
  publish(): void | Promise<void> {
    publish(this.owner, this.spend());
  }

  /** Gives the room back, and removes what was committed. */
  void(): void {
    if (!this.#open) return;
    this.#open = false;
    addon.voidReservation(this.channel, this.owner, this.handle);
  }

  /** Channel and handle for a native call that ends this reservation. */
  spend(): [number, number] {
    this.#open = false;
    return [this.channel, this.handle];
  }

  [Symbol.dispose](): void {
    this.void();
  }
}

/** Room in a channel over a log. */
class DurableReservation extends Reservation {
  readonly #owner: Owner;
  #committed = false;

  constructor(channel: number, owner: Owner, handle: number) {
    super(channel, owner.id, handle);
    this.#owner = owner;
  }

  override async commit(): Promise<void> {
    try {
      await this.#stage(true);
      this.#committed = true;
    } catch (error) {
      this.spend(); // The log has let it go.
      throw error;
    }
  }

  override publish(): void | Promise<void> {
    if (this.#committed) return super.publish();
    const staged = this.#stage(false);
    this.spend();
    return staged;
  }

  #stage(hidden: boolean): Promise<void> {
    const token = this.#owner.nextToken();
    if (addon.stage(this.channel, this.owner, token, this.handle, hidden) !== addon.LATER) throw terminated();
    return this.#owner.settled(this.channel, token);
  }
}

/** Events that were taken and are hidden from everybody else. Leaving its scope without commit gives them back to their place. */
export class Lease {
  /** The events; readable until the lease ends. */
  readonly batch: Batch;
  readonly #channel: number;
  readonly #owner: Owner;
  readonly #handle: number;
  #open = true;

  constructor(channel: number, owner: Owner, handle: number, batch: Batch) {
    this.#channel = channel;
    this.#owner = owner;
    this.#handle = handle;
    this.batch = batch;
  }

  /** Removes the events from the channel; a promise where a log is to note that first. Throws `MR_CHANNEL_STALE` when the lease is over. */
  commit(): void | Promise<void> {
    const token = this.#owner.nextToken();
    const outcome = addon.commitTake(this.#channel, this.#owner.id, token, this.#handle);
    this.#open = false;
    return outcome === addon.LATER ? this.#owner.settled(this.#channel, token) : undefined;
  }

  /** Gives the events back. */
  rollback(): void {
    if (!this.#open) return;
    this.#open = false;
    addon.rollbackTake(this.#channel, this.#owner.id, this.#handle);
  }

  [Symbol.dispose](): void {
    this.rollback();
  }
}

function cancelled(): ChannelError {
  return new ChannelError('MR_CHANNEL_CANCELLED', 'The wait was cancelled.');
}
