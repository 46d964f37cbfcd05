import { totalmem } from 'node:os';

/**
 * The bytes a memory channel may use when nobody says: 1 KiB for each event of its capacity, but at least 64 MiB, so that single large events pass, and at
 * most a quarter of the memory of the host or its control group. Address space is set aside; memory is only used where events are.
 */
export function defaultByteCapacity(capacity: number): number {
  return Math.floor(Math.min(memoryBytes() / 4, Math.max(64 << 20, capacity * 1024)));
}

/** What the host or the control group of this process has. */
export function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
