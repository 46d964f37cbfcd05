import { Batch, BatchBuilder } from '@millrace/channel-native';

export const BODY_BYTES = 512;
/** Events that may be on their way at a time, in a channel as in messages. */
export const WINDOW_EVENTS = 10_000;
/** Different batches of one putter. Few, as those of a source that uses its memory again and again. */
const POOL = 4;

/** Batches of random bodies, the same for the same seed, that are put again and again: nothing is encoded while time is taken. */
export function buildPool(events: number, seed: number): Batch[] {
  const random = xorshift(seed + 1);
  return Array.from({ length: POOL }, () => {
    const builder = new BatchBuilder();
    const body = new Uint32Array(BODY_BYTES / 4);
    for (let event = 0; event < events; event += 1) {
      for (let word = 0; word < body.length; word += 1) body[word] = random();
      builder.append(new Uint8Array(body.buffer));
    }
    return builder.finish();
  });
}

/** Adds checksums as {@link Batch.checksum} adds those of its events: wherever a batch is cut or joined, the sum stays the same. */
export function add(sum: number, checksum: number): number {
  return (sum + checksum) >>> 0;
}

/** What the checksums of `count` batches out of a pool, in turns, add up to. */
export function expectedSum(pool: readonly Batch[], count: number): number {
  const times = (at: number) => Math.ceil((count - at) / pool.length);
  return pool.reduce((sum, batch, at) => add(sum, Math.imul(batch.checksum(), times(at))), 0);
}

/** The events and the table of a batch as plain bytes without slack. The batch must be the first of its block. */
export function toBytes(batch: Batch): Uint8Array<ArrayBuffer> {
  const table = 8 * batch.length;
  const bytes = new Uint8Array(((batch.end + 7) & ~7) + table);
  bytes.set(batch.memory.subarray(0, batch.end));
  bytes.set(batch.memory.subarray(batch.size - table, batch.size), bytes.length - table);
  return bytes;
}

/** The batch that {@link toBytes} has made bytes of. */
export function fromBytes(bytes: Uint8Array, { length, end }: Pick<Batch, 'length' | 'end'>): Batch {
  return new Batch(bytes, { base: 0, size: bytes.length, first: 0, length, start: 0, end });
}

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
