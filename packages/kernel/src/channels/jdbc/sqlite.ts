import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Change, type Content, type Database, type StoredRow, Unavailable } from './database.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './sqlite-schema.ts';

/** How long a commit waits for somebody else who writes to the file, such as an operator in a shell. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of 4 KiB that are written to the log before they are brought into the file. */
const CHECKPOINT_PAGES = 4_096;
/** A file with as many unused pages, and nothing else, is worth making small again. */
const TRIM_PAGES = 16_384;

/** A file of SQLite, written by this thread alone. */
export class SqliteDatabase implements Database {
  readonly name: string;
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #sql: ReturnType<typeof statements>;

  /** Opens the file, or makes it. Throws when another agent has it. */
  constructor({ file, createSchema }: { readonly file: string; readonly createSchema: boolean }) {
    this.name = file;
    makeDirectory(dirname(file));
    this.#lock = lock(file);
    this.#db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    try {
      setUp(this.#db, createSchema);
      this.#sql = statements(this.#db);
    } catch (cause) {
      this.#db.close();
      this.#lock.close();
      throw new Error(`${file}: ${(cause as Error).message}`, { cause });
    }
  }

  async open(channel: string): Promise<Content> {
    const { stored, taken, lastId } = this.#sql;
    const put = stored.get(channel) as { events: number; bytes: number };
    const gone = taken.get(channel) as { events: number; bytes: number };
    return {
      events: put.events - gone.events,
      bytes: put.bytes - gone.bytes,
      lastId: (lastId.get() as { id: number }).id,
    };
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const db = this.#db;
    try {
      db.exec('BEGIN IMMEDIATE');
    } catch (error) {
      throw new Unavailable(`${(error as Error).message} (${this.name})`, { cause: error });
    }
    try {
      for (const change of changes) this.#apply(change);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw new Error(`${(error as Error).message} (${this.name})`, { cause: error });
    }
  }

  async rows(channel: string, after: number, limit: number): Promise<StoredRow[]> {
    const found = this.#sql.rows.all(channel, after, limit) as unknown as Omit<StoredRow, 'taken'>[];
    const rows = new Map(found.map((row) => [row.id, { ...row, taken: [] as [number, number][] }]));
    const last = found.at(-1)?.id ?? after;
    for (const part of this.#sql.parts.iterate(after, last) as Iterable<unknown> as Iterable<Record<string, number>>) {
      rows.get(part['batch']!)?.taken.push([part['first']!, part['after']!]);
    }
    return [...rows.values()];
  }

  async blocks(_channel: string, ids: readonly number[]): Promise<Map<number, Uint8Array>> {
    const blocks = new Map<number, Uint8Array>();
    for (const id of ids) {
      const row = this.#sql.block.get(id);
      if (row !== undefined) blocks.set(id, row['block'] as Uint8Array);
    }
    return blocks;
  }

  async trim(): Promise<void> {
    const { unused, pages } = this.#sql.pages.get() as { unused: number; pages: number };
    // With nothing in it there is nothing to copy, which otherwise would stop everybody for its time.
    if (unused >= TRIM_PAGES && pages - unused < TRIM_PAGES / 4) this.#db.exec('VACUUM');
  }

  async close(): Promise<void> {
    this.#db.close();
    this.#lock.close();
  }

  #apply(change: Change): void {
    const { put, drop, take, dropTaken } = this.#sql;
    switch (change.kind) {
      case 'put': {
        const { id, channel, time, packed } = change;
        put.run(id, channel, time, packed.events, packed.bytes, packed.block as SQLInputValue);
        break;
      }
      case 'drop':
        drop.run(change.id);
        break;
      case 'take':
        take.run(change.from, change.to, change.id);
        dropTaken.run(change.id, change.id);
    }
  }
}

function statements(db: DatabaseSync) {
  return {
    put: db.prepare('INSERT INTO batches (id, channel, time, events, bytes, block) VALUES (?, ?, ?, ?, ?, ?)'),
    drop: db.prepare('DELETE FROM batches WHERE id = ?'),
    take: db.prepare('INSERT INTO taken (batch, first, after) SELECT id, ?, ? FROM batches WHERE id = ?'),
    dropTaken: db.prepare(
      'DELETE FROM batches WHERE id = ? AND events = (SELECT sum(after - first) FROM taken WHERE batch = ?)',
    ),
    stored: db.prepare(
      'SELECT coalesce(sum(events), 0) AS events, coalesce(sum(bytes), 0) AS bytes FROM batches WHERE channel = ?',
    ),
    taken: db.prepare(
      `SELECT coalesce(sum(after - first), 0) AS events, coalesce(sum(bytes * after / events - bytes * first / events), 0) AS bytes
       FROM taken JOIN batches ON id = batch WHERE channel = ?`,
    ),
    lastId: db.prepare('SELECT coalesce(max(id), 0) AS id FROM batches'),
    rows: db.prepare('SELECT id, time, events, bytes FROM batches WHERE channel = ? AND id > ? ORDER BY id LIMIT ?'),
    parts: db.prepare('SELECT batch, first, after FROM taken WHERE batch > ? AND batch <= ?'),
    block: db.prepare('SELECT block FROM batches WHERE id = ?'),
    pages: db.prepare(
      'SELECT freelist_count AS unused, page_count AS pages FROM pragma_freelist_count(), pragma_page_count()',
    ),
  };
}

/**
 * Keeps other agents away from a file by a lock on another, which the system takes off when this process ends, however it ends. The
 * file itself stays readable for everybody.
 */
function lock(file: string): DatabaseSync {
  const db = new DatabaseSync(`${file}.lock`);
  try {
    // Nothing is written, so that there is nothing to undo.
    db.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new Error(`${file} is in use by another agent: only one may use it, so give each its own.`, { cause });
  }
  return db;
}

function setUp(db: DatabaseSync, createSchema: boolean): void {
  const number = (pragma: string) => Object.values(db.prepare(`PRAGMA ${pragma}`).get()!)[0] as number;
  const isNew = db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (isNew && !createSchema) {
    throw new Error('there are no tables, and create.schema is false: set create.schema = true.');
  }
  if (!isNew && number('application_id') !== APPLICATION_ID) {
    throw new Error('this is a database of something else: name another file.');
  }
  const version = number('user_version');
  if (version > SCHEMA_VERSION) {
    throw new Error(`it has schema ${version}, and ${SCHEMA_VERSION} is known: use the later version that wrote it.`);
  }
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  if (isNew) db.exec(`BEGIN; ${SCHEMA} COMMIT`);
  // Who deletes by hand leaves these behind, and the numbers of rows come again.
  db.exec('DELETE FROM taken WHERE batch NOT IN (SELECT id FROM batches)');
}

/** Makes a directory so that it survives a loss of power: the names of new ones are brought to the disk. */
function makeDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true });
  if (first === undefined) return;
  for (let made = directory; made !== dirname(made); made = dirname(made)) {
    const parent = openSync(dirname(made), 'r');
    fsyncSync(parent);
    closeSync(parent);
    if (made === first) return;
  }
}
