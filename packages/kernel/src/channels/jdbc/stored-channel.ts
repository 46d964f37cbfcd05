import { batchOf, type Packed, Packer } from './block.ts';
import type { BlockCache } from './block-cache.ts';
import type { Change, Content, Database, StoredRow } from './database.ts';
import type { Desk } from './desk.ts';
import type { Leased } from './messages.ts';
import type { PutLine } from './put-line.ts';
import { closed, type Question, stale } from './question.ts';
import { Queue, type Row, type Run } from './queue.ts';
import { Board, type Figures, type Room } from './shared.ts';

/** What the channels of a database share. */
export interface Store {
  readonly database: Database;
  readonly desk: Desk;
  readonly room: Room;
  readonly line: PutLine;
  readonly cache: BlockCache;
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

interface Taker {
  readonly port: StorePort;
  readonly max: number;
  readonly minEvents: number;
  readonly lingerMs: number;
  readonly wait: boolean;
  readonly question: Question;
}

interface Lease {
  readonly id: number;
  readonly port: StorePort;
  runs: readonly Run[];
  /** Whether its commit is under way. */
  removing: boolean;
}

/** Most bytes of one lease, unless one row has more. */
const LEASE_BYTES = 4 << 20;
/** Rows that are read at once from behind those that are known. */
const ROWS_AT_ONCE = 10_000;

/** One channel in its database: what waits, what is taken, who waits for it. */
export class StoredChannel {
  readonly name: string;
  /** Its number in the room. */
  readonly number: number;
  readonly board = new Board();
  readonly #store: Store;
  readonly #queue: Queue;
  readonly #figures: Omit<Figures, 'queued' | 'queuedBytes' | 'oldestAt'>;
  readonly #leases = new Map<number, Lease>();
  /** Rows in the database that nobody may see yet. */
  readonly #hiddenIds = new Set<number>();
  #takers: Taker[] = [];
  #timer: NodeJS.Timeout | undefined;
  #learning = false;
  #lastLease = 0;

  constructor(name: string, number: number, content: Content, store: Store) {
    this.name = name;
    this.number = number;
    this.#store = store;
    this.#queue = new Queue(content);
    this.#figures = {
      recovered: content.events,
      put: 0,
      taken: 0,
      committed: 0,
      rolledBack: 0,
      reclaimed: 0,
      voided: 0,
      refused: 0,
      leased: 0,
    };
    this.#post();
  }

  /** Whether something is open that may still be finished. */
  get busy(): boolean {
    return this.#leases.size > 0 || this.#store.room.reservedIn(this.number) > 0;
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
        this.#store.cache.keep(row, block);
        if (hidden === undefined) this.#show(port, row);
        else this.#hide(port, row, hidden);
        question.answer();
      },
      failed: (error) => {
        port.sending -= events;
        this.#store.room.release(port.cell, events);
        this.unused(events);
        question.refuse(new Error(`Failed to persist event: ${messageOf(error)}`));
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
    this.#store.cache.forget(row);
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
    this.#figures.voided += events;
    this.#post();
    this.#store.freed();
  }

  /** Counts events that waited for room in vain. */
  refused(events: number): void {
    this.#figures.refused += events;
    this.#post();
  }

  /** Leases events as soon as there are enough. */
  take(taker: Taker): void {
    if (this.board.closed) throw closed();
    this.#takers.push(taker);
    this.serve();
  }

  /** Commits a take. */
  remove(port: StorePort, id: number, question: Question): void {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.port !== port || lease.removing) throw stale();
    lease.removing = true;
    this.#store.desk.write({
      changes: lease.runs.map((run) => this.#removal(run)),
      bytes: 0,
      done: () => {
        this.#leases.delete(id);
        this.#gone(lease.runs);
        question.answer();
        this.#store.freed();
      },
      failed: (error) => {
        lease.removing = false;
        question.refuse(new Error(`Unable to remove event: ${messageOf(error)}`));
        if (port.over) this.#giveBack([lease], 'reclaimed');
      },
    });
  }

  /** Puts the events of a lease back into their place. */
  giveBack(port: StorePort, id: number): void {
    const lease = this.#leases.get(id);
    if (lease?.port === port && !lease.removing) this.#giveBack([lease], 'rolledBack');
  }

  /** Gives back what a port left open whose life is over. What is on its way into or out of the database arrives. */
  reclaim(port: StorePort): void {
    port.over = true;
    this.#takers = this.#takers.filter((taker) => taker.port !== port);
    const leases = [...this.#leases.values()].filter((lease) => lease.port === port && !lease.removing);
    this.#giveBack(leases, 'reclaimed');
    let open = this.#store.room.reserved(port.cell) - port.sending;
    for (const [hidden, row] of port.hidden) {
      open -= row.events;
      this.void(port, hidden);
    }
    this.#store.room.release(port.cell, open);
    this.unused(open);
  }

  /** Ends a wait that was given up, if it is one of this channel. */
  cancel(meant: (question: Question) => boolean): Question | undefined {
    const taker = this.#takers.find(({ question }) => meant(question));
    this.#takers = this.#takers.filter((waiting) => waiting !== taker);
    return taker?.question;
  }

  /** Takes nothing new and ends every wait. */
  close(): void {
    this.board.close();
    this.#refuseTakers(closed());
    clearTimeout(this.#timer);
  }

  /** Leases what can be leased now, in the order in which the takers came; who gathers more is passed over. */
  serve(): void {
    clearTimeout(this.#timer);
    let dueMs = Number.POSITIVE_INFINITY;
    for (const taker of [...this.#takers]) {
      if (this.#queue.behind !== undefined) {
        this.#learn();
        return;
      }
      const inMs = this.#dueInMs(taker);
      if (inMs <= 0) this.#lease(taker);
      dueMs = inMs > 0 ? Math.min(dueMs, inMs) : dueMs;
    }
    if (dueMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.serve(), dueMs);
  }

  /** When a taker will be content: with enough, with fewer that have lingered, or with any while puts wait for room. */
  #dueInMs({ minEvents, lingerMs, wait }: Taker): number {
    const { events, oldest } = this.#queue;
    if (!wait || events >= minEvents) return 0;
    if (oldest === undefined) return Number.POSITIVE_INFINITY;
    return this.#store.line.length > 0 ? 0 : lingerMs - (performance.now() - oldest.since);
  }

  #lease(taker: Taker): void {
    this.#takers.splice(this.#takers.indexOf(taker), 1);
    const runs = this.#queue.take(taker.max, LEASE_BYTES);
    if (runs.length === 0) {
      taker.question.answer();
      return;
    }
    this.#lastLease += 1;
    const lease: Lease = { id: this.#lastLease, port: taker.port, runs, removing: false };
    this.#leases.set(lease.id, lease);
    this.#figures.taken += eventsIn(runs);
    this.#figures.leased += eventsIn(runs);
    this.#post();
    const blocks = this.#store.cache;
    if (runs.every(({ row }) => blocks.get(row) !== undefined)) this.#send(lease, taker, (row) => blocks.get(row));
    else this.#store.desk.read(() => this.#fetch(lease, taker));
  }

  async #fetch(lease: Lease, taker: Taker): Promise<void> {
    const { cache, database } = this.#store;
    const missing = lease.runs.map(({ row }) => row).filter((row) => cache.get(row) === undefined);
    let read: ReadonlyMap<number, Uint8Array>;
    try {
      read = await database.blocks(
        this.name,
        missing.map(({ id }) => id),
      );
    } catch (error) {
      this.#giveBack([lease], 'rolledBack');
      return taker.question.refuse(new Error(`Failed to read event: ${messageOf(error)}`));
    }
    // The life of the taker may have ended meanwhile.
    if (!this.#leases.has(lease.id)) return;
    for (const { row, from, to } of lease.runs) {
      const block = read.get(row.id);
      if (block !== undefined && to - from < row.left) cache.keep(row, block);
    }
    this.#send(lease, taker, (row) => cache.get(row) ?? read.get(row.id));
  }

  /** Answers with the events. Rows that are gone from the database have been removed by a commit of which this store was never told. */
  #send(lease: Lease, taker: Taker, blockOf: (row: Row) => Uint8Array | undefined): void {
    const gone = lease.runs.filter(({ row }) => blockOf(row) === undefined);
    lease.runs = lease.runs.filter(({ row }) => blockOf(row) !== undefined);
    this.#gone(gone);
    if (lease.runs.length === 0) {
      this.#leases.delete(lease.id);
      this.#takers.unshift(taker);
      setImmediate(() => this.serve());
      return;
    }
    const batches = lease.runs.map(({ row, from, to }) => batchOf(blockOf(row)!, row).slice(from, to));
    const packer = new Packer({
      events: eventsIn(lease.runs),
      bytes: batches.reduce((sum, { byteLength }) => sum + byteLength, 0),
    });
    for (const batch of batches) packer.add(batch);
    const packed = packer.finish();
    taker.question.answer({ lease: lease.id, packed } satisfies Leased, [packed.block.buffer]);
  }

  /** Counts events that have left the database. */
  #gone(runs: readonly Run[]): void {
    const events = eventsIn(runs);
    for (const { row, from, to } of runs) {
      row.left -= to - from;
      if (row.left === 0) this.#store.cache.forget(row);
    }
    this.#figures.leased -= events;
    this.#figures.committed += events;
    this.#store.room.add(-events);
    this.#post();
  }

  #giveBack(leases: readonly Lease[], how: 'rolledBack' | 'reclaimed'): void {
    for (const { id, runs } of leases) {
      this.#leases.delete(id);
      this.#queue.giveBack(runs);
      this.#figures.leased -= eventsIn(runs);
      this.#figures[how] += eventsIn(runs);
    }
    this.#post();
    this.serve();
    this.#store.freed();
  }

  #show(port: StorePort, row: Row): void {
    const { room } = this.#store;
    room.add(row.events);
    room.release(port.cell, row.events);
    this.#figures.put += row.events;
    this.#queue.publish(row);
    this.#post();
    this.serve();
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
      try {
        const rows = await this.#store.database.rows(this.name, this.#queue.behind ?? 0, ROWS_AT_ONCE);
        const shown = rows.filter(({ id }) => !this.#hiddenIds.has(id));
        this.#queue.learn(shown.flatMap(runsLeft), rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1)!.id);
        this.#learning = false;
        this.#post();
        this.serve();
      } catch (error) {
        this.#learning = false;
        this.#refuseTakers(new Error(`Failed to read event: ${messageOf(error)}`));
      }
    });
  }

  #refuseTakers(error: Error): void {
    const takers = this.#takers;
    this.#takers = [];
    for (const { question } of takers) question.refuse(error);
  }

  #removal({ row, from, to }: Run): Change {
    const { id } = row;
    const whole = to - from === row.events;
    return whole ? { kind: 'drop', channel: this.name, id } : { kind: 'take', channel: this.name, id, from, to };
  }

  #post(): void {
    const { events: queued, bytes: queuedBytes, oldest } = this.#queue;
    this.board.write({ ...this.#figures, queued, queuedBytes, oldestAt: oldest?.time ?? 0 });
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

const eventsIn = (runs: readonly Run[]) => runs.reduce((sum, { from, to }) => sum + to - from, 0);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
