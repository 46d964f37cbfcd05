import { type Change, type Database, Unavailable } from './database.ts';

/** Changes that belong together, and who is told how they went. */
export interface Unit {
  readonly changes: readonly Change[];
  /** How much is written for it, about. */
  readonly bytes: number;
  done(): void;
  failed(error: unknown): void;
}

/** More in one transaction saves nothing any more, and makes the first wait for the last. */
const GROUP_BYTES = 8 << 20;

/**
 * Brings before the database what is wanted of it, one thing after the other: first everything to read, then everything to write, as one transaction.
 * What comes while a commit is under way goes with the next.
 */
export class Desk {
  readonly #database: Database;
  #reads: (() => Promise<void>)[] = [];
  #units: Unit[] = [];
  #working = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Writes, and says how it went. */
  write(unit: Unit): void {
    this.#units.push(unit);
    this.#begin();
  }

  /** Reads: a job that uses the database and deals with its own failures. */
  read(job: () => Promise<void>): void {
    this.#reads.push(job);
    this.#begin();
  }

  #begin(): void {
    if (this.#working) return;
    this.#working = true;
    setImmediate(() => this.#work());
  }

  async #work(): Promise<void> {
    while (this.#reads.length + this.#units.length > 0) {
      const reads = this.#reads;
      this.#reads = [];
      for (const read of reads) await read();
      const group = this.#nextGroup();
      if (group.length > 0) await this.#commit(group);
      // What has come meanwhile shall come along.
      await new Promise(setImmediate);
    }
    this.#working = false;
  }

  #nextGroup(): Unit[] {
    let bytes = 0;
    let length = 0;
    while (length < this.#units.length && bytes < GROUP_BYTES) {
      bytes += this.#units[length]!.bytes;
      length += 1;
    }
    return this.#units.splice(0, length);
  }

  /** A group that fails is tried unit by unit: one may be at fault, and what removes may still go where nothing can be added. */
  async #commit(group: readonly Unit[]): Promise<void> {
    try {
      await this.#database.commit(group.flatMap(({ changes }) => changes));
    } catch (error) {
      if (group.length > 1 && !(error instanceof Unavailable)) for (const unit of group) await this.#commit([unit]);
      else for (const unit of group) unit.failed(error);
      return;
    }
    for (const unit of group) unit.done();
  }
}
