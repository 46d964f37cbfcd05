import { type Batch, publishAll, type Reservation } from '@millrace/channel-native';
import type { PutPort } from './channel.ts';

/** Batches that are put as one transaction. */
export type Pieces = readonly Batch[];

/** Room that a channel gave after a wait. */
interface Granted {
  readonly port: PutPort;
  readonly room: Reservation;
}

/**
 * Puts into all required channels of a source, whole or not at all. Room is reserved in one order of channels that is the same for every source, and
 * nothing is held while waiting for more, so that no two sources can block each other.
 */
export class RequiredChannels {
  readonly #ports: readonly PutPort[];

  constructor(ports: readonly PutPort[]) {
    this.#ports = ports.toSorted((a, b) => a.address.id - b.address.id);
  }

  /** Most events that all channels accept in one transaction. */
  get transactionCapacity(): number {
    return Math.min(...this.#ports.map((port) => port.transactionCapacity));
  }

  /** Events that could be put at once, as far as their number goes. */
  free(): number {
    let free = Infinity;
    for (const port of this.#ports) free = Math.min(free, port.free());
    return free;
  }

  /** Puts if there is room everywhere now. Throws when there never can be. */
  tryPut(pieces: Pieces): boolean {
    const [only] = this.#ports;
    if (this.#ports.length === 1 && pieces.length === 1) return only!.tryPut(pieces[0]!);
    return this.#reserveAll(pieces, (reservations) => fillAndPublish(reservations, pieces)) === undefined;
  }

  /**
   * Puts as soon as there is room, waiting as long as Flume would: the keep-alive of every channel in turn. Rejects with what the channel
   * says that was waited for last, and with `MR_CHANNEL_CANCELLED` when the signal aborts.
   */
  async put(pieces: Pieces, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#ports.reduce((sum, port) => sum + port.address.keepAliveMs, 0);
    const act = (reservations: readonly Reservation[]) => fillAndPublish(reservations, pieces);
    let granted: Granted | undefined;
    for (;;) {
      const short = this.#reserveAll(pieces, act, granted);
      if (short === undefined) return;
      const waitMs = Math.min(short.address.keepAliveMs, Math.max(0, deadline - performance.now()));
      granted = { port: short, room: await short.reserve(needOfAll(pieces), { waitMs, signal }) };
    }
  }

  /**
   * Does something with room in every channel, or says which one has too little. What was granted after a wait is kept while the others
   * are tried, but not longer: it could be what another source waits for.
   */
  #reserveAll(
    pieces: Pieces,
    act: (reservations: readonly Reservation[]) => void,
    granted?: Granted,
  ): PutPort | undefined {
    const need = needOfAll(pieces);
    using held = new DisposableStack();
    if (granted !== undefined) held.use(granted.room);
    const reservations: Reservation[] = [];
    for (const port of this.#ports) {
      const reservation = port === granted?.port ? granted.room : port.tryReserve(need);
      if (reservation === undefined) return port;
      reservations.push(held.use(reservation));
    }
    act(reservations);
    return undefined;
  }
}

/** What a transaction of several batches asks for. */
export function needOfAll(pieces: Pieces) {
  const need = { events: 0, bytes: 0, slots: 0 };
  for (const piece of pieces) {
    need.events += piece.length;
    need.bytes += piece.byteLength;
    need.slots += piece.slots();
  }
  return need;
}

function fillAndPublish(reservations: readonly Reservation[], pieces: Pieces): void {
  for (const reservation of reservations) for (const piece of pieces) reservation.fill(piece);
  publishAll(reservations);
}

/** Puts into an optional channel: waiting as a required one would, and telling what it refuses to nobody but the log. */
export class OptionalChannel {
  readonly #channel: RequiredChannels;
  readonly #refused: (events: number, error: unknown) => void;

  constructor(port: PutPort, refused: (events: number, error: unknown) => void) {
    this.#channel = new RequiredChannels([port]);
    this.#refused = refused;
  }

  /**
   * Resolves when the channel has everything, or has refused what it has not. `units` are the transactions that the pieces would be if
   * nothing had been merged: when the whole does not go in at once, each of them waits for itself, in their order.
   */
  async put(pieces: Pieces, units: Iterable<Batch>): Promise<void> {
    try {
      if (this.#channel.tryPut(pieces)) return;
    } catch {
      // The whole may be too large where its parts are not.
    }
    await Promise.all(Array.from(units, (unit) => this.#putAlone(unit)));
  }

  async #putAlone(unit: Batch): Promise<void> {
    try {
      await this.#channel.put([unit]);
    } catch (error) {
      this.#refused(unit.length, error);
    }
  }
}
