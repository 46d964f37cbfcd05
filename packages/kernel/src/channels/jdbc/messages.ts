import type { Packed } from './block.ts';

/** Which database, as the store opens it. */
export type DatabaseAt =
  | { readonly kind: 'sqlite'; readonly file: string; readonly createSchema: boolean }
  /** The URL holds the user and the password. */
  | { readonly kind: 'postgres'; readonly url: string; readonly createSchema: boolean };

/** What a thread asks of the store; the answer carries the same token. */
export type Ask =
  /** Opens a channel. Only the main thread asks that. */
  | { readonly op: 'open'; readonly channel: string }
  /** Connects the life of a worker to a channel. */
  | { readonly op: 'connect'; readonly channel: string; readonly owner: number }
  /** Waits for room. */
  | { readonly op: 'reserve'; readonly port: number; readonly events: number; readonly waitMs: number }
  /** Puts, with room that the port has reserved; `hidden` is the number under which it may be published or void later. */
  | { readonly op: 'put'; readonly port: number; readonly packed: Packed; readonly hidden: number | undefined }
  | {
      readonly op: 'take';
      readonly port: number;
      readonly max: number;
      readonly minEvents: number;
      readonly lingerMs: number;
      /** Whether to wait when nothing is there. */
      readonly wait: boolean;
    }
  /** Commits a take. */
  | { readonly op: 'remove'; readonly port: number; readonly lease: number }
  /** Gives back what a worker's life left open. */
  | { readonly op: 'reclaim'; readonly owner: number }
  | { readonly op: 'close'; readonly channel: string };

/** What a thread tells the store, without an answer. */
export type Tell =
  | { readonly op: 'publish'; readonly port: number; readonly hidden: number }
  /** Gives up a put that is hidden, or that was never sent; the room of the latter has been given back already. */
  | { readonly op: 'void'; readonly port: number; readonly hidden: number }
  | { readonly op: 'unused'; readonly port: number; readonly events: number }
  | { readonly op: 'giveBack'; readonly port: number; readonly lease: number }
  /** Gives disk space back that is not needed now. */
  | { readonly op: 'trim' }
  /** Ends a wait, unless it is over: its token is answered in any case. */
  | { readonly op: 'cancel'; readonly token: number };

export type Asked = Ask & { readonly token: number };

export interface Answer {
  readonly token: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The answer to `open`. */
export interface Opened {
  readonly room: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
  /** The channel's number in its database. */
  readonly number: number;
  /** What database it is, for people. */
  readonly database: string;
  /** Events that were there. */
  readonly events: number;
}

/** The answer to `connect`: the port, and its cell in the room. */
export interface Connected {
  readonly port: number;
  readonly cell: number;
}

/** The answer to `take`, when there is something. */
export interface Leased {
  readonly lease: number;
  readonly packed: Packed;
}

/** What a store tells the thread that started it. */
export type FromStore =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    };
