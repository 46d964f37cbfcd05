import type { Batch, DirectEnd } from '@millrace/channel-native';
import type { Log } from './component.ts';

/** Where a channel is found from a worker: the module to import there, and what its `connect` is given. Survives the structured clone. */
export interface ChannelAddress {
  /** URL of a module that exports `connect`, a {@link Connect}. */
  readonly module: string;
  readonly data: unknown;
}

export interface TakeOptions {
  readonly max: number;
  readonly minEvents: number;
  readonly lingerMs: number;
  readonly signal?: AbortSignal;
}

/** Events that a take holds: nobody else sees them, and they leave the channel only when it commits. */
export interface Lease extends Disposable {
  readonly batch: Batch;
  commit(): void | Promise<void>;
  rollback(): void;
  /** Rolls back what has not been committed. */
  [Symbol.dispose](): void;
}

/** The taking end of a channel. */
export interface TakePort {
  /** Most events of one take. */
  readonly transactionCapacity: number;
  /**
   * Waits for `minEvents`, or for fewer that have been there for `lingerMs`. Answers at once, without a promise, when they are there.
   * Rejects with `MR_CHANNEL_CANCELLED` when the signal aborts.
   */
  take(options: TakeOptions): Lease | Promise<Lease>;
  /** Whatever is there at this moment, up to `max` events. */
  tryTake(max: number): Lease | undefined | Promise<Lease | undefined>;
  /** Whether what is not delivered before the agent ends is delivered after its next start. */
  readonly durable?: boolean;
  /** Events that wait to be taken, also those of which `tryTake` knows nothing yet. Absent where it always finds them. */
  queued?(): number;
}

/** What a put asks for: events, their encoded bytes, and Flume's 100-byte slots of their bodies. */
export interface Need {
  readonly events: number;
  readonly bytes: number;
  readonly slots: number;
}

/** Room in a channel that is held for one put. */
export interface Reservation extends Disposable {
  /** Copies a batch behind what was filled before. */
  fill(batch: Batch): void;
  /**
   * Makes what was filled durable and keeps it hidden from takers. Absent in channels that cannot fail. After it comes `publish`, which then
   * is only a matter of visibility and must not fail, or `void`, which removes it again.
   */
  commit?(): Promise<void>;
  /** Shows what was filled to takers; where it was not committed before, that is done first and the promise tells how it went. */
  publish(): void | Promise<void>;
  /** Gives the room back, and removes what was committed. After `publish` it does nothing. */
  void(): void;
}

/** The putting end of a channel. */
export interface PutPort {
  /** Where it stands in the one order in which several channels are reserved. */
  readonly address: { readonly id: number; readonly keepAliveMs: number };
  readonly transactionCapacity: number;
  /** Events a put could have at once, as far as their number goes; 0 while puts wait. */
  free(): number;
  /**
   * Puts a batch if there is room now; throws when there never can be. `false`: no room now. A promise: room is taken, and it resolves when
   * the channel has the batch for good and shows it to takers; rejects when it could not.
   */
  tryPut(batch: Batch): boolean | Promise<void>;
  /** What native code needs to put by itself, counting with `events`. Absent, or undefined, where it cannot. */
  directEnd?(events: readonly Float64Array[]): DirectEnd | undefined;
  /** Room, if there is some now; throws when there never can be. */
  tryReserve(need: Need): Reservation | undefined;
  /** Room within `waitMs`; rejects with `MR_CHANNEL_FULL`, or with `MR_CHANNEL_CANCELLED` when the signal aborts. */
  reserve(
    need: Need,
    options: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Reservation>;
}

/** Both ends of a channel, as one worker life has them. */
export interface ChannelPort extends TakePort, PutPort {}

/** What the module of a {@link ChannelAddress} exports as `connect`. */
export type Connect = (data: unknown, owner: number) => ChannelPort | Promise<ChannelPort>;

/** The main thread's hold on a channel. */
export interface ChannelHost {
  readonly address: ChannelAddress;
  counters(): Readonly<Record<string, number>>;
  /** Gives back memory that is not needed now. */
  trim(): void;
  /** Gives back what a worker's life left open. Called after its thread has ended and before its next life begins; the engine's channels need no call. */
  reclaim?(owner: number): void | Promise<void>;
  /** Answers how many accepted events are lost by it: those that wait or are taken, or none in a channel that keeps them. Closing again answers the same. */
  close(): number | Promise<number>;
}

/** What a channel's module exports as `create`: opens the channel in the main thread. */
export type CreateChannel = (
  config: Readonly<Record<string, unknown>>,
  context: { readonly id: string; readonly log: Log },
) => ChannelHost | Promise<ChannelHost>;

/** Connects a worker life to a channel. */
export async function connectChannel(address: ChannelAddress, owner: number): Promise<ChannelPort> {
  const module: { connect: Connect } = await import(address.module);
  return module.connect(address.data, owner);
}
