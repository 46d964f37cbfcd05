import type { Batch } from '@millrace/kernel/component';

/** Takes the first of some batches off their list, with those that stand directly behind it in memory: they can be put as one, and are released one by one. */
export function takeNeighbours(batches: Batch[]): { readonly whole: Batch; readonly parts: readonly Batch[] } {
  const first = batches.shift()!;
  const parts = [first];
  let whole = first;
  for (let joined: Batch | undefined; batches.length > 0; whole = joined) {
    joined = whole.joinedWith(batches[0]!);
    if (joined === undefined) break;
    parts.push(batches.shift()!);
  }
  return { whole, parts };
}
