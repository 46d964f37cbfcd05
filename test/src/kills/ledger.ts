import type { ChannelAddress, OwnerId } from '@millrace/channel-native';

/** Events of one put. Their numbers follow each other, and the first is a multiple of this. */
export const EVENTS_PER_PUT = 16;
/** Large enough for a copy to be in full swing when its worker is killed. */
export const BODY_BYTES = 64 << 10;
/** More puts than a run makes. */
const PUTS_MAX = 1 << 19;

/** What is known of an event, by its number. */
export const UNKNOWN = 0;
/** A taker is about to commit it, or was killed before it could say that it had. */
export const COMMITTING = 1;
/** The commit of its taker has returned. */
export const COMMITTED = 2;

/** What workers write down where their death does not reach it. Each entry is made after the fact that it records, except `COMMITTING`. */
export class Ledger {
  readonly memory: SharedArrayBuffer;
  /** Cell 0: puts begun. Cell 1: events that came a second time after their commit. Cell 2: events with bytes that are not theirs. */
  readonly #cells: Int32Array;
  readonly #acknowledged: Uint8Array;
  readonly #events: Uint8Array;

  constructor(memory = new SharedArrayBuffer(12 + PUTS_MAX * (1 + EVENTS_PER_PUT))) {
    this.memory = memory;
    this.#cells = new Int32Array(memory, 0, 3);
    this.#acknowledged = new Uint8Array(memory, 12, PUTS_MAX);
    this.#events = new Uint8Array(memory, 12 + PUTS_MAX);
  }

  get putsBegun(): number {
    return Atomics.load(this.#cells, 0);
  }

  get duplicates(): number {
    return Atomics.load(this.#cells, 1);
  }

  get torn(): number {
    return Atomics.load(this.#cells, 2);
  }

  /** The number of a put that nobody else makes. */
  nextPut(): number {
    const put = Atomics.add(this.#cells, 0, 1);
    if (put >= PUTS_MAX) throw new Error('The ledger is too small.');
    return put;
  }

  acknowledge(put: number): void {
    this.#acknowledged[put] = 1;
  }

  isAcknowledged(put: number): boolean {
    return this.#acknowledged[put] === 1;
  }

  mark(event: number, what: typeof COMMITTING | typeof COMMITTED): void {
    if (this.#events[event] === COMMITTED) Atomics.add(this.#cells, 1, 1);
    this.#events[event] = what;
  }

  what(event: number): number {
    return this.#events[event]!;
  }

  reportTorn(): void {
    Atomics.add(this.#cells, 2, 1);
  }
}

/** What a worker is told. */
export interface KillBirth {
  readonly address: ChannelAddress;
  readonly owner: OwnerId;
  readonly ledger: SharedArrayBuffer;
}

const patterns = new Map<number, Buffer>();

/** The number of an event, in its first four bytes, if all others are the same, as its putter wrote them. */
export function numberOf(body: Buffer): number | undefined {
  const byte = body[4]!;
  let pattern = patterns.get(byte);
  if (pattern === undefined) {
    pattern = Buffer.alloc(BODY_BYTES - 4, byte);
    patterns.set(byte, pattern);
  }
  return body.subarray(4).equals(pattern) ? body.readUInt32LE(0) : undefined;
}
