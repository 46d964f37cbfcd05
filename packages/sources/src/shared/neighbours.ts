import type { Batch, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';

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

/** Takes neighbours off a list, and puts their events. Resolves with how many were refused for good, and why. */
export async function putNeighbours(
  batches: Batch[],
  emitAll: SourceContext<SourceSpec>['emitAll'],
): Promise<{ readonly refused: number; readonly error: Error | undefined }> {
  const { whole, parts } = takeNeighbours(batches);
  let refused = 0;
  let error: Error | undefined;
  await emitAll(whole, (failure) => {
    refused += 1;
    error = failure;
  });
  for (const part of parts) part.release();
  return { refused, error };
}
