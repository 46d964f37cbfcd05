import type { InFlight } from '@millrace/rpc/net';

const EMPTY = Buffer.alloc(0);
/** A smaller one is kept for the next unfinished message of the same connection. */
const KEPT_BYTES_MAX = 64 << 10;

/** The unfinished message at the end of what a connection has sent. It counts as in flight. */
export class Tail {
  readonly #inFlight: InFlight;
  #memory = EMPTY;
  #length = 0;

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight;
  }

  get length(): number {
    return this.#length;
  }

  /** What there is, until it is changed. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  append(more: Buffer): void {
    const needed = this.#length + more.length;
    if (needed > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(256, 2 ** Math.ceil(Math.log2(needed))));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    more.copy(this.#memory, this.#length);
    this.#length = needed;
    this.#inFlight.add(more.length);
  }

  clear(): void {
    this.#inFlight.remove(this.#length);
    this.#length = 0;
    if (this.#memory.length > KEPT_BYTES_MAX) this.#memory = EMPTY;
  }
}
