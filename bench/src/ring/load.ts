import { Batch } from '@millrace/channel-native';

/** Events that may be on their way at a time, in a channel as in messages. */
export const WINDOW_EVENTS = 10_000;

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
