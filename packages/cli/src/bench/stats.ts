/** The middle of some numbers; of an even count the mean of the two in the middle. Throws `RangeError` when there are none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('There is no median of nothing.');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of how many times larger one figure of a pair is than the other, pair by pair. */
export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, run) => value / theirs[run]!));
}
