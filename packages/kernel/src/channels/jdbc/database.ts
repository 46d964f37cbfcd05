import type { Packed } from './block.ts';

/** A change of the database; several make a transaction. */
export type Change =
  | {
      readonly kind: 'put';
      readonly channel: string;
      readonly id: number;
      readonly time: number;
      readonly packed: Packed;
    }
  /** Removes a whole row. */
  | { readonly kind: 'drop'; readonly channel: string; readonly id: number }
  /** Removes some events of a row, and the row when none is left. Of a row that is gone there is nothing to remove. */
  | {
      readonly kind: 'take';
      readonly channel: string;
      readonly id: number;
      readonly from: number;
      readonly to: number;
    };

/** What is in a channel when it is opened. */
export interface Content {
  readonly events: number;
  readonly bytes: number;
  /** No row of the channel has a higher number. */
  readonly lastId: number;
}

/** A row without its events. */
export interface StoredRow {
  readonly id: number;
  readonly time: number;
  readonly events: number;
  readonly bytes: number;
  /** The parts of it that were taken, each from one event up to another. */
  readonly taken: readonly (readonly [number, number])[];
}

/** The database cannot be used at all now, so that whatever else is wanted of it would fail too. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** A database that holds channels. It is asked for one thing at a time. */
export interface Database {
  /** Where it is, for people; without secrets. */
  readonly name: string;
  /** Takes a channel for this agent, and tells what is in it. Throws when another agent has it. */
  open(channel: string): Promise<Content>;
  /** One transaction, durable when this resolves. */
  commit(changes: readonly Change[]): Promise<void>;
  /** The rows behind one, in order. */
  rows(channel: string, after: number, limit: number): Promise<readonly StoredRow[]>;
  /** The blocks of rows, by their numbers; without those of rows that are gone. */
  blocks(channel: string, ids: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>;
  /** Gives disk space back that is not needed now. */
  trim(): Promise<void>;
  close(): Promise<void>;
}
