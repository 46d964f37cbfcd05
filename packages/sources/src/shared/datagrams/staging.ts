import type { StagedDatagrams } from '@millrace/channel-native';

const BYTES_MIN = 256 << 10;
const DATAGRAMS_MIN = 1_024;
const MARKS = 3;

/** Where datagrams come from. */
export interface Origin {
  /** The headers that say so, once they are known. */
  headers: Uint8Array | undefined;
  known: Promise<void> | undefined;
}

/** Datagrams of one turn of the event loop, one behind the other. */
export class Staging {
  #bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
  #marks = new Uint32Array(MARKS * DATAGRAMS_MIN);
  #length = 0;
  #count = 0;
  /** Where each comes from; empty when nobody wants to know. */
  #origins: Origin[] = [];

  get byteLength(): number {
    return this.#length;
  }

  get count(): number {
    return this.#count;
  }

  /** Copies a datagram. */
  add(datagram: Buffer, origin?: Origin): void {
    const end = this.#length + datagram.length;
    if (end > this.#bytes.length) this.#grow(end);
    const mark = MARKS * this.#count;
    if (mark === this.#marks.length) this.#growMarks();
    this.#bytes.set(datagram, this.#length);
    this.#marks[mark] = datagram.length;
    this.#length = end;
    this.#count += 1;
    if (origin !== undefined) this.#origins.push(origin);
  }

  /** Resolve when all origins are known; none when they are. */
  unknownOrigins(): Promise<void>[] {
    const unknown = new Set(this.#origins.filter(({ headers }) => headers === undefined));
    return [...unknown].map(({ known }) => known!);
  }

  clear(): void {
    this.#length = 0;
    this.#count = 0;
    this.#origins = [];
    if (this.#bytes.length > 16 * BYTES_MIN) this.#bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
    if (this.#marks.length > 16 * MARKS * DATAGRAMS_MIN) this.#marks = new Uint32Array(MARKS * DATAGRAMS_MIN);
  }

  /** What was copied, with the headers of all origins. */
  staged(): StagedDatagrams {
    const places = new Map<Origin, [from: number, to: number]>();
    const maps: Uint8Array[] = [];
    let length = 0;
    for (const [at, origin] of this.#origins.entries()) {
      const { headers = EMPTY } = origin;
      let place = places.get(origin);
      if (place === undefined) {
        place = [length, length + headers.length];
        places.set(origin, place);
        maps.push(headers);
        length += headers.length;
      }
      this.#marks.set(place, MARKS * at + 1);
    }
    return { bytes: this.#bytes, marks: this.#marks, count: this.#count, maps: Buffer.concat(maps) };
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  #growMarks(): void {
    const larger = new Uint32Array(2 * this.#marks.length);
    larger.set(this.#marks);
    this.#marks = larger;
  }
}

const EMPTY = new Uint8Array(0);
