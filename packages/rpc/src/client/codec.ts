import type { Batch } from '@millrace/channel-native';
import type { Parser } from './byte-feed.ts';

/** What can be called. */
export type Call = 'append' | 'appendBatch';

/** What a peer says about one request. */
export interface Reply {
  readonly serial: number;
  /** `OK`, or what the peer says instead. */
  readonly outcome: string;
}

/** How requests are written and replies read in one of Flume's protocols. */
export interface Codec {
  /** What the peer is, for what is said about it. */
  readonly peer: string;
  /** The bytes of a request; some of them may be the batch's own, where they lie. */
  request(serial: number, call: Call, batch: Batch): readonly Uint8Array[];
  /** Reads one reply. Throws what is wrong with it. */
  reply(): Parser<Reply>;
}

/** Longest reply that is read. */
export const REPLY_BYTES_MAX = 1 << 20;

/** Flume's outcomes, by their numbers in Avro and Thrift. */
export function outcomeOf(names: readonly string[], number: number): string {
  const outcome = names[number];
  if (outcome === undefined) throw new Error(`there is no status ${number}`);
  return outcome;
}
