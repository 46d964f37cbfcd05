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

/** What is sent. */
export interface Request {
  /** Some of them may be the batch's own, where they lie. */
  readonly pieces: readonly [Uint8Array, ...Uint8Array[]];
  /** Memory that is free again when they have been sent. */
  readonly memory?: Buffer;
}

/** How requests are written and replies read in one of Flume's protocols. */
export interface Codec {
  /** What the peer is, for what is said about it. */
  readonly peer: string;
  /** A request, in memory of an earlier one that is done with where it needs some and that is enough. */
  request(serial: number, call: Call, batch: Batch, spare?: Buffer): Request;
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
