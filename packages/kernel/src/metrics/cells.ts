import type { Meter } from '../component.ts';

/**
 * Every figure of an agent is one 64-bit float in a SharedArrayBuffer, written by one thread: its component's worker, or the main
 * thread while that component has no worker. Floats count exactly to 2^53, and an aligned 64-bit store is never seen half done, so
 * neither atomics nor bigints are needed. Each component starts on a cache line of its own:
 *
 *   ├ r1 received │ r1 accepted │ … │ (unused) ┼ k1 taken │ k1 delivered │ … │ (unused) ┤
 *   0                                          64 bytes · n
 */
export interface CellRange {
  readonly buffer: SharedArrayBuffer;
  /** The cell of the first key. */
  readonly first: number;
  readonly keys: readonly string[];
}

const CELL_BYTES = Float64Array.BYTES_PER_ELEMENT;
const CELLS_PER_LINE = 64 / CELL_BYTES;

/** Lays out the cells of several components, in the order given. */
export function allocateCells(keysOfEach: readonly (readonly string[])[]): CellRange[] {
  let next = 0;
  const firsts = keysOfEach.map((keys) => {
    const first = next;
    next += Math.ceil(keys.length / CELLS_PER_LINE) * CELLS_PER_LINE;
    return first;
  });
  const buffer = new SharedArrayBuffer(next * CELL_BYTES);
  return keysOfEach.map((keys, index) => ({ buffer, first: firsts[index]!, keys }));
}

/** Meters over a component's cells, for the thread that writes them. */
export function metersOver({ buffer, first, keys }: CellRange): Readonly<Record<string, Meter>> {
  const cells = new Float64Array(buffer, first * CELL_BYTES, keys.length);
  return Object.fromEntries(
    keys.map((key, index) => [
      key,
      {
        cell: cells.subarray(index, index + 1),
        add(amount: number) {
          cells[index]! += amount;
        },
      },
    ]),
  );
}

/** What a component's cells hold now. */
export function readCells({ buffer, first, keys }: CellRange): Record<string, number> {
  const cells = new Float64Array(buffer, first * CELL_BYTES, keys.length);
  return Object.fromEntries(keys.map((key, index) => [key, cells[index]!]));
}
