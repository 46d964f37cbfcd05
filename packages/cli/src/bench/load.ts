import { type Batch, BatchBuilder } from '@millrace/channel-native';

/** Bytes of every body that is put. */
export const BODY_BYTES = 512;
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

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
