import { addon } from './addon.ts';
import { defaultByteCapacity, memoryBytes } from './limits.ts';
import { releaseClosed, retain } from './owner.ts';
import type { ChannelAddress } from './port.ts';

/** What a memory channel is bounded by. Times in milliseconds, sizes in bytes. */
export interface MemoryChannelOptions {
  /** Most events in the channel, those of open takes included. */
  readonly capacity: number;
  /** Most events in one put or take. */
  readonly transactionCapacity: number;
  /** How long a put waits for room. Default 3,000. */
  readonly keepAliveMs?: number;
  /** Most bytes in use, but at most half of the memory; unset it follows the capacity, see {@link defaultByteCapacity}. 0 means the same without Flume's limit on bodies. */
  readonly byteCapacity?: number | undefined;
  /** Part of `byteCapacity` that bodies leave to headers. Default 20. */
  readonly byteCapacityBufferPercentage?: number;
}

/** Exact figures of one moment; `recovered + put = committed + queued + leased + lost` always holds. */
export interface ChannelCounters {
  /** Events published. */
  readonly put: number;
  /** Events granted to takers, each time anew. */
  readonly taken: number;
  /** Events removed for good. */
  readonly committed: number;
  /** Events that takers gave back. */
  readonly rolledBack: number;
  /** Events given back because their taker had died. */
  readonly reclaimed: number;
  /** Events reserved and never published. */
  readonly voided: number;
  /** Events that waited for room in vain. */
  readonly refused: number;
  /** Events that wait to be taken. */
  readonly queued: number;
  /** Events of open takes. */
  readonly leased: number;
  /** Events of open reservations. */
  readonly reserved: number;
  /** Encoded bytes of the queued events. */
  readonly queuedBytes: number;
  /** Age of the oldest queued event in milliseconds. */
  readonly oldestMs: number;
  /** Events that were there when the channel was opened. */
  readonly recovered: number;
  /** Events that the channel's log should have and cannot be read. */
  readonly lost: number;
}

const FIGURES = [
  'put',
  'taken',
  'committed',
  'rolledBack',
  'reclaimed',
  'voided',
  'refused',
  'queued',
  'leased',
  'reserved',
  'queuedBytes',
  'oldestMs',
  'recovered',
  'lost',
] as const satisfies (keyof ChannelCounters)[];

export const INT_MAX = 2 ** 31 - 1;
const SLOT_BYTES = 100;

/** Flume's 100-byte slots for bodies, computed as Flume does, in double precision; less than one means no limit. */
export function bodySlots(byteCapacity: number, bufferPercentage: number): number {
  const slots = Math.trunc((byteCapacity * (1 - bufferPercentage * 0.01)) / SLOT_BYTES);
  return slots < 1 ? INT_MAX : Math.min(slots, INT_MAX);
}

/** A bounded, transactional queue of events in shared memory. It lives in the thread that opens it; workers reach it by its address. */
export class MemoryChannel {
  /** What a worker needs to connect; it survives `postMessage` and `workerData`. */
  readonly address: ChannelAddress;
  #closed = false;

  /** Throws `RangeError` for limits that are none, and when the system has not so much address space: then `byteCapacity` is too large. */
  constructor(options: MemoryChannelOptions) {
    const { capacity, transactionCapacity, keepAliveMs = 3_000, byteCapacityBufferPercentage = 20 } = options;
    for (const [name, value] of Object.entries({ capacity, transactionCapacity })) {
      if (Number.isInteger(value) && value > 0 && value <= INT_MAX) continue;
      throw new RangeError(`${name} must be a whole number from 1 to ${INT_MAX}, not ${value}.`);
    }
    const byteCapacity = options.byteCapacity || defaultByteCapacity(capacity);
    const slots = options.byteCapacity === 0 ? INT_MAX : bodySlots(byteCapacity, byteCapacityBufferPercentage);
    // Flume only counts, so its files name any number; more than half of the memory is not set aside.
    const bytes = Math.min(byteCapacity, Math.floor(memoryBytes() / 2));
    const limits = { capacity, transactionCapacity, slots, byteCapacity: bytes };
    const { length, leasesOffset } = addon.memoryLayout(limits);
    const memory = allocate(length, byteCapacity);
    const id = addon.openMemory(new Uint8Array(memory), limits, process.env['MILLRACE_POISON'] === '1');
    retain(id, memory);
    this.address = { id, memory, leasesOffset, capacity, transactionCapacity, keepAliveMs, durable: false };
  }

  /** The channel's figures. Throws once the channel is closed and nothing of it is open. */
  counters(): ChannelCounters {
    return countersOf(this.address.id);
  }

  /** Gives memory that has not been needed lately back to the system. Worth calling every some seconds on an idle channel. */
  trim(): void {
    addon.trimChannel(this.address.id);
  }

  /** Ends all waits and refuses everything new; leases and reservations that are open may be finished. What is queued is lost. Closing again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    addon.closeChannel(this.address.id);
    releaseClosed();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The figures of an open channel. */
export function countersOf(channel: number): ChannelCounters {
  const figures = new Float64Array(FIGURES.length);
  addon.channelCounters(channel, figures);
  return Object.fromEntries(FIGURES.map((name, at) => [name, figures[at]!])) as unknown as ChannelCounters;
}

/** Shared memory for a channel. Throws `RangeError` when the system has not so much address space. */
export function allocate(length: number, byteCapacity: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(length);
  } catch (cause) {
    throw new RangeError(`The system does not set ${length} bytes aside for a byteCapacity of ${byteCapacity}.`, {
      cause,
    });
  }
}
