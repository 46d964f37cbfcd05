import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '@millrace/channel-native';

const FILE_BYTES = 64 << 20;
const PAGE_BYTES = 4096;
/** As much memory as copies go through: a queue of some thousand events. */
const MEMORY_BYTES = 4 << 20;

/** How often one thread can copy a batch in a second, through as much memory as a queue. */
export function copiesPerSecond(batch: Batch, forMs: number): number {
  const bytes = batch.memory.subarray(batch.base + batch.start, batch.base + batch.end);
  const places = Math.ceil(MEMORY_BYTES / bytes.length);
  const memory = new Uint8Array(places * bytes.length).fill(1);
  return perSecond((turn) => memory.set(bytes, (turn % places) * bytes.length), forMs);
}

/** A file that is full of zeros, as a log makes its own, so that a sync has nothing but data to write. */
export class DiskLimit {
  readonly #file: string;
  readonly #fd: number;

  constructor(directory: string) {
    this.#file = join(directory, 'limit');
    this.#fd = openSync(this.#file, 'w');
    const zeros = Buffer.alloc(1 << 20);
    for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(this.#fd, zeros, 0, zeros.length, at);
    fdatasyncSync(this.#fd);
  }

  /** One write of so many bytes and one fdatasync after the other: how many in a second. */
  syncsPerSecond(bytes: number, forMs: number): number {
    const data = Buffer.alloc(bytes, 1);
    const step = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    const places = Math.floor(FILE_BYTES / step);
    return perSecond((turn) => {
      writeSync(this.#fd, data, 0, bytes, (turn % places) * step);
      fdatasyncSync(this.#fd);
    }, forMs);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    rmSync(this.#file);
  }
}

function perSecond(work: (turn: number) => void, forMs: number): number {
  const began = performance.now();
  let turns = 0;
  let tookMs = 0;
  do {
    work(turns);
    turns += 1;
    tookMs = performance.now() - began;
  } while (tookMs < forMs);
  return (turns / tookMs) * 1_000;
}
