import { batchOf, type Packed, Packer } from './block.ts';
import type { BlockCache } from './block-cache.ts';
import type { Change } from './database.ts';
import type { Ledger } from './ledger.ts';
import type { Leased } from './messages.ts';
import { failure, type Question, stale } from './question.ts';
import type { Row, Run } from './queue.ts';
import type { Store, StorePort } from './stored-channel.ts';

/** Somebody who wants events. */
export interface Taker {
  readonly port: StorePort;
  readonly max: number;
  readonly minEvents: number;
  readonly lingerMs: number;
  /** Whether to wait when nothing is there. */
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

/** What the taking side shares with the rest of its channel. */
interface TakingParts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly cache: BlockCache;
  /** Called when somebody waits for events of which only their number is known. */
  readonly learn: () => void;
}

/** Most bytes of one lease, unless one row has more. */
const LEASE_BYTES = 4 << 20;

/** The taking side of a channel: who waits for events, and who has some. */
export class Taking {
  readonly #channel: string;
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #cache: BlockCache;
  readonly #learn: () => void;
  readonly #leases = new Map<number, Lease>();
  #takers: Taker[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastLease = 0;

  constructor(channel: string, { store, ledger, cache, learn }: TakingParts) {
    this.#channel = channel;
    this.#store = store;
    this.#ledger = ledger;
    this.#cache = cache;
    this.#learn = learn;
  }

  /** How many leases are open. */
  get leases(): number {
    return this.#leases.size;
  }

  /** Leases events as soon as there are enough. */
  take(taker: Taker): void {
    this.#takers.push(taker);
    this.serve();
  }

  /** Leases what can be leased now, in the order in which the takers came; who gathers more is passed over. */
  serve(): void {
    clearTimeout(this.#timer);
    let dueMs = Number.POSITIVE_INFINITY;
    for (const taker of [...this.#takers]) {
      if (this.#ledger.queue.behind !== undefined) {
        this.#learn();
        return;
      }
      const inMs = this.#dueInMs(taker);
      if (inMs <= 0) this.#lease(taker);
      else dueMs = Math.min(dueMs, inMs);
    }
    if (dueMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.serve(), dueMs);
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
        question.refuse(failure('Unable to remove event', error));
        if (port.over) this.#giveBack([lease], 'reclaimed');
      },
    });
  }

  /** Puts the events of a lease back into their place. */
  giveBack(port: StorePort, id: number): void {
    const lease = this.#leases.get(id);
    if (lease?.port === port && !lease.removing) this.#giveBack([lease], 'rolledBack');
  }

  /** Puts back what a life had that is over; what it has committed goes. */
  reclaim(port: StorePort): void {
    this.#takers = this.#takers.filter((taker) => taker.port !== port);
    const leases = [...this.#leases.values()].filter((lease) => lease.port === port && !lease.removing);
    this.#giveBack(leases, 'reclaimed');
  }

  /** Ends the waits that are meant; their questions are refused. */
  end(meant: (question: Question) => boolean, error: unknown): void {
    const ending = this.#takers.filter(({ question }) => meant(question));
    this.#takers = this.#takers.filter((taker) => !ending.includes(taker));
    for (const { question } of ending) question.refuse(error);
  }

  /** When a taker will be content: with enough, with fewer that have lingered, or with any while puts wait for room. */
  #dueInMs({ minEvents, lingerMs, wait }: Taker): number {
    const { events, oldest } = this.#ledger.queue;
    if (!wait || events >= minEvents) return 0;
    if (oldest === undefined) return Number.POSITIVE_INFINITY;
    return this.#store.line.length > 0 ? 0 : lingerMs - (performance.now() - oldest.since);
  }

  #lease(taker: Taker): void {
    this.#takers.splice(this.#takers.indexOf(taker), 1);
    const runs = this.#ledger.queue.take(taker.max, LEASE_BYTES);
    if (runs.length === 0) {
      taker.question.answer();
      return;
    }
    this.#lastLease += 1;
    const lease: Lease = { id: this.#lastLease, port: taker.port, runs, removing: false };
    this.#leases.set(lease.id, lease);
    this.#ledger.count({ taken: eventsIn(runs), leased: eventsIn(runs) });
    const cache = this.#cache;
    if (runs.every(({ row }) => cache.get(row) !== undefined)) this.#send(lease, taker, (row) => cache.get(row));
    else this.#store.desk.read(() => this.#fetch(lease, taker));
  }

  async #fetch(lease: Lease, taker: Taker): Promise<void> {
    const cache = this.#cache;
    const missing = lease.runs.map(({ row }) => row).filter((row) => cache.get(row) === undefined);
    let read: ReadonlyMap<number, Uint8Array>;
    try {
      read = await this.#store.database.blocks(
        this.#channel,
        missing.map(({ id }) => id),
      );
    } catch (error) {
      if (this.#leases.has(lease.id)) this.#giveBack([lease], 'rolledBack');
      return taker.question.refuse(failure('Unable to read events', error));
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
    if (gone.length > 0) {
      lease.runs = lease.runs.filter(({ row }) => blockOf(row) !== undefined);
      this.#gone(gone);
    }
    if (lease.runs.length > 0) {
      const packed = pack(lease.runs, blockOf);
      taker.question.answer({ lease: lease.id, packed } satisfies Leased, [packed.block.buffer]);
    } else {
      this.#leases.delete(lease.id);
      this.#takers.unshift(taker);
      setImmediate(() => this.serve());
    }
  }

  /** Counts leased events that have left the database. */
  #gone(runs: readonly Run[]): void {
    for (const { row, from, to } of runs) {
      row.left -= to - from;
      if (row.left === 0) this.#cache.forget(row);
    }
    const events = eventsIn(runs);
    this.#store.room.add(-events);
    this.#ledger.count({ leased: -events, committed: events });
  }

  #giveBack(leases: readonly Lease[], how: 'rolledBack' | 'reclaimed'): void {
    for (const { id, runs } of leases) {
      this.#leases.delete(id);
      this.#ledger.queue.giveBack(runs);
      this.#ledger.count({ leased: -eventsIn(runs), [how]: eventsIn(runs) });
    }
    this.serve();
    this.#store.freed();
  }

  #removal({ row: { id, events }, from, to }: Run): Change {
    const channel = this.#channel;
    return to - from === events ? { kind: 'drop', channel, id } : { kind: 'take', channel, id, from, to };
  }
}

function pack(runs: readonly Run[], blockOf: (row: Row) => Uint8Array | undefined): Packed {
  const batches = runs.map(({ row, from, to }) => batchOf(blockOf(row)!, row).slice(from, to));
  const bytes = batches.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const packer = new Packer({ events: eventsIn(runs), bytes });
  for (const batch of batches) packer.add(batch);
  return packer.finish();
}

function eventsIn(runs: readonly Run[]): number {
  return runs.reduce((sum, { from, to }) => sum + to - from, 0);
}
