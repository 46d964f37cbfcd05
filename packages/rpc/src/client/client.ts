import type { Batch } from '@millrace/channel-native';

/** An event as programs write it; text is sent as UTF-8. */
export interface EventLike {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** The sending end of a hop. */
export interface RpcClient {
  /** False once the client has failed or is closed: it is of no use then, and another one has to be made. */
  readonly usable: boolean;
  /** How long ago it was made. */
  readonly ageMs: number;
  /** Most events in one request. */
  readonly batchSize: number;
  /** Sends one event. Resolves when the peer has it; rejects with an {@link RpcError} when that is not certain. */
  append(event: EventLike): Promise<void>;
  /**
   * Sends events in order, in as many requests as `batchSize` asks for, each after the answer to the one before. Resolves when the peer
   * has all of them; rejects with an {@link RpcError} when that is not certain, and it may have some of them then. Several calls may be
   * in flight; Flume may then take their events in another order, Millrace does not. A batch may be used again as soon as this settles, whichever way.
   */
  appendBatch(events: Batch | readonly EventLike[]): Promise<void>;
  /** Waits for the answers to what is in flight, then ends the connection. */
  close(): Promise<void>;
  /** Gives up what is in flight, and resolves when the connection is closed. */
  destroy(): Promise<void>;
}

/** Sends a list in pieces of at most `size` events, one after the other; an empty one needs no sending. */
export async function inPieces<Events extends Batch | readonly EventLike[]>(
  events: Events,
  size: number,
  send: (piece: Events) => Promise<void>,
): Promise<void> {
  if (events.length > 0 && events.length <= size) return send(events);
  for (let from = 0; from < events.length; from += size) {
    await send(events.slice(from, Math.min(from + size, events.length)) as Events);
  }
}
