import type { Packed } from './block.ts';
import { BlockCache } from './block-cache.ts';
import type { Content, Database, StoredRow } from './database.ts';
import type { Desk } from './desk.ts';
import { Ledger } from './ledger.ts';
import type { PutLine } from './put-line.ts';
import { closed, failure, type Question } from './question.ts';
import type { Row, Run } from './queue.ts';
import type { Board, Room } from './shared.ts';
import { type Taker, Taking } from './taking.ts';

/** What the channels of a database share. */
export interface Store {
  readonly database: Database;
  readonly desk: Desk;
  readonly room: Room;
  readonly line: PutLine;
  /** A number for a row, above all others. */
  nextId(): number;
  /** Called when events have gone: there may be room for who waits, or nothing more to do. */
  freed(): void;
}

/** The end of a channel that one life of a worker has. */
export interface StorePort {
  readonly id: number;
  /** Its cell in the room. */
  readonly cell: number;
  readonly owner: number;
  readonly channel: StoredChannel;
  /** Events of puts that are on their way into the database. */
  sending: number;
  /** Puts that are durable and not published, by the numbers the port gave them. */
  readonly hidden: Map<number, Row>;
  /** Whether the life is over. */
  over: boolean;
}

/** Memory for blocks that are put and soon taken. */
const CACHE_BYTES = 32 << 20;
/** Rows that are read at once from behind those that are known. */
const ROWS_AT_ONCE = 10_000;

/** One channel in its database. */
export class StoredChannel {
  readonly name: string;
  /** Its number in the room. */
  readonly number: number;
  readonly taking: Taking;
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #cache = new BlockCache(CACHE_BYTES);
  /** Rows in the database that nobody may see yet. */
  readonly #hiddenIds = new Set<number>();
  #learning = false;

  constructor(name: string, number: number, content: Content, store: Store) {
    this.name = name;
    this.number = number;
    this.#store = store;
    this.#ledger = new Ledger(content);
    this.taking = new Taking(name, { store, ledger: this.#ledger, cache: this.#cache, learn: () => this.#learn() });
  }

  get board(): Board {
    return this.#ledger.board;
  }

  /** Whether something is open that may still be finished. */
  get busy(): boolean {
    return this.taking.leases > 0 || this.#store.room.reservedIn(this.number) > 0;
  }

  /** Makes events durable, and shows them unless they shall be hidden. The port has room for them. */
  put(port: StorePort, packed: Packed, hidden: number | undefined, question: Question): void {
    const { events, bytes, block } = packed;
    const id = this.#store.nextId();
    const time = Date.now();
    port.sending += events;
    this.#store.desk.write({
      changes: [{ kind: 'put', channel: this.name, id, time, packed }],
      bytes: block.length,
      done: () => {
        port.sending -= events;
        const row: Row = { id, time, events, bytes, since: performance.now(), left: events };
        this.#cache.keep(row, block);
        if (hidden === undefined) this.#show(port, row);
        else this.#hide(port, row, hidden);
        question.answer();
      },
      failed: (error) => {
        port.sending -= events;
        this.#store.room.release(port.cell, events);
        this.unused(events);
        question.refuse(failure('Failed to persist event', error));
      },
    });
  }

  /** Shows what was hidden. */
  publish(port: StorePort, hidden: number): void {
    const row = port.hidden.get(hidden);
    if (row === undefined) return;
    port.hidden.delete(hidden);
    this.#hiddenIds.delete(row.id);
    this.#show(port, row);
  }

  /** Removes what was hidden. */
  void(port: StorePort, hidden: number): void {
    const row = port.hidden.get(hidden);
    if (row === undefined) return;
    port.hidden.delete(hidden);
    this.#cache.forget(row);
    const over = () => {
      this.#store.room.release(port.cell, row.events);
      this.unused(row.events);
    };
    this.#store.desk.write({
      changes: [{ kind: 'drop', channel: this.name, id: row.id }],
      bytes: 0,
      done: () => {
        this.#hiddenIds.delete(row.id);
        over();
      },
      // It stays hidden for as long as this process lives; nobody was told that it was accepted.
      failed: over,
    });
  }

  /** Counts events whose room was given back. */
  unused(events: number): void {
    this.#ledger.count({ voided: events });
    this.#store.freed();
  }

  /** Counts events that waited for room in vain. */
  refused(events: number): void {
    this.#ledger.count({ refused: events });
  }

  /** Leases events as soon as there are enough. */
  take(taker: Taker): void {
    if (this.board.closed) throw closed();
    this.taking.take(taker);
  }

  /** Gives back what a port left open whose life is over. What is on its way into or out of the database arrives. */
  reclaim(port: StorePort): void {
    port.over = true;
    this.taking.reclaim(port);
    let open = this.#store.room.reserved(port.cell) - port.sending;
    for (const [hidden, row] of port.hidden) {
      open -= row.events;
      this.void(port, hidden);
    }
    this.#store.room.release(port.cell, open);
    this.unused(open);
  }

  /** Takes nothing new and ends every wait. */
  close(): void {
    this.board.close();
    this.taking.end(() => true, closed());
  }

  #show(port: StorePort, row: Row): void {
    const { room } = this.#store;
    room.add(row.events);
    room.release(port.cell, row.events);
    this.#ledger.queue.publish(row);
    this.#ledger.count({ put: row.events });
    this.taking.serve();
  }

  #hide(port: StorePort, row: Row, hidden: number): void {
    this.#hiddenIds.add(row.id);
    port.hidden.set(hidden, row);
    if (port.over) this.void(port, hidden);
  }

  /** Reads the rows behind those that are known. */
  #learn(): void {
    if (this.#learning) return;
    this.#learning = true;
    this.#store.desk.read(async () => {
      const { queue } = this.#ledger;
      try {
        const rows = await this.#store.database.rows(this.name, queue.behind ?? 0, ROWS_AT_ONCE);
        const shown = rows.filter(({ id }) => !this.#hiddenIds.has(id));
        queue.learn(shown.flatMap(runsLeft), { to: rows.at(-1)?.id, all: rows.length < ROWS_AT_ONCE });
        this.#ledger.count({});
      } catch (error) {
        this.taking.end(() => true, failure('Unable to read events', error));
      }
      this.#learning = false;
      this.taking.serve();
    });
  }
}

/** What the takers have left of a row. */
function runsLeft({ taken, ...stored }: StoredRow): Run[] {
  const row: Row = { ...stored, since: 0, left: stored.events };
  const runs: Run[] = [];
  let from = 0;
  for (const [first, after] of taken.toSorted(([a], [b]) => a - b)) {
    if (first > from) runs.push({ row, from, to: first });
    row.left -= after - first;
    from = after;
  }
  if (from < row.events) runs.push({ row, from, to: row.events });
  return runs;
}
