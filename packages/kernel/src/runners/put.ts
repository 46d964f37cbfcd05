import { type Batch, Reservation as NativeReservation, publishAll } from '@millrace/channel-native';
import { pause } from '../backoff.ts';
import type { PutPort, Reservation } from '../channel.ts';
import { MillraceError } from '../errors.ts';

/** Room that comes within this time was not waited for. */
const AT_ONCE_MS = 10;
/** How long a put pauses that has got room in one channel after the other, and never in all. */
const MISSED_PAUSE_MS = 20;

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

  /** Puts if there is room everywhere now; what needs the disk tells by a promise how it went. Throws when there never can be room. */
  tryPut(pieces: Pieces): boolean | Promise<void> {
    const [only] = this.#ports;
    if (this.#ports.length === 1 && pieces.length === 1) return only!.tryPut(pieces[0]!);
    const { short, committing } = this.#putNow(pieces);
    return committing ?? short === undefined;
  }

  /**
   * Puts as soon as there is room, waiting as long as Flume would: the keep-alive of every channel in turn. Rejects with what the channel
   * says that was waited for last, and with `MR_CHANNEL_CANCELLED` when the signal aborts; what is being committed then is finished.
   */
  async put(pieces: Pieces, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#ports.reduce((sum, port) => sum + port.address.keepAliveMs, 0);
    let granted: Granted | undefined;
    /** How often in a row room was granted at once, and there was none in another channel. */
    let misses = 0;
    for (;;) {
      const { short, committing } = this.#putNow(pieces, granted);
      if (short === undefined) return committing;
      const began = performance.now();
      const leftMs = Math.max(0, deadline - began);
      if (misses > this.#ports.length) await missed(leftMs, signal);
      const waitMs = Math.min(short.address.keepAliveMs, leftMs);
      granted = { port: short, room: await short.reserve(needOfAll(pieces), { waitMs, signal }) };
      misses = waitMs === 0 || performance.now() - began < AT_ONCE_MS ? misses + 1 : 0;
    }
  }

  /**
   * Puts into every channel, or says which one has too little room. What was granted after a wait is kept while the others are tried, but
   * not longer: it could be what another source waits for.
   */
  #putNow(pieces: Pieces, granted?: Granted): Attempt {
    const need = needOfAll(pieces);
    using held = new DisposableStack();
    if (granted !== undefined) held.use(granted.room);
    const reservations: Reservation[] = [];
    for (const port of this.#ports) {
      const reservation = port === granted?.port ? granted.room : port.tryReserve(need);
      if (reservation === undefined) return { short: port };
      reservations.push(held.use(reservation));
    }
    for (const reservation of reservations) for (const piece of pieces) reservation.fill(piece);
    const publishing = publish(reservations);
    return publishing === undefined ? DONE : { committing: holdUntil(publishing, held.move()) };
  }
}

/** Channels of one database share its room: each may have some again and again, and both together never. */
async function missed(leftMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (leftMs > 0) return pause(Math.min(MISSED_PAUSE_MS, leftMs), signal);
  throw new MillraceError(
    'MR_CHANNEL_FULL',
    'There is room in each of the channels, but not in all of them at once: raise their capacity.',
  );
}

/** What became of an attempt to put at once: done, or under way, or one channel is short of room. */
interface Attempt {
  readonly short?: PutPort;
  readonly committing?: Promise<void>;
}

const DONE: Attempt = {};

/** Shows what was filled, in every channel or in none: those that can fail commit first, hidden from takers. */
function publish(reservations: readonly Reservation[]): void | Promise<void> {
  const [only] = reservations;
  if (reservations.length === 1) return only!.publish();
  const durable = reservations.filter(({ commit }) => commit !== undefined);
  return durable.length === 0 ? showAll(reservations) : commitAll(durable).then(() => showAll(reservations));
}

/** Rejects with the first failure, but only when none of the commits is under way any more. */
async function commitAll(durable: readonly Reservation[]): Promise<void> {
  const outcomes = await Promise.allSettled(durable.map(async (reservation) => reservation.commit!()));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** The channels of the engine come last, in one native call, so that the death of this worker cannot come between them. */
function showAll(reservations: readonly Reservation[]): void | Promise<void> {
  const native: NativeReservation[] = [];
  const showing: Promise<void>[] = [];
  for (const reservation of reservations) {
    const shown = reservation instanceof NativeReservation ? void native.push(reservation) : reservation.publish();
    if (shown !== undefined) showing.push(shown);
  }
  if (showing.length > 0) return Promise.all(showing).then(() => publishAll(native));
  publishAll(native);
}

/** Keeps reservations open while they are being committed; those that were not published then are void. */
async function holdUntil(settled: Promise<void>, held: DisposableStack): Promise<void> {
  using _held = held;
  await settled;
}

/** What a transaction of several batches asks for. */
function needOfAll(pieces: Pieces) {
  const need = { events: 0, bytes: 0, slots: 0 };
  for (const piece of pieces) {
    need.events += piece.length;
    need.bytes += piece.byteLength;
    need.slots += piece.slots();
  }
  return need;
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
      const putting = this.#channel.tryPut(pieces);
      if (putting !== false) return void (await putting);
    } catch {
      // The whole may be too large where its parts are not, or one of its parts may have failed the others.
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
