import { Client, DatabaseError } from 'pg';
import { pause } from '../../backoff.ts';
import { type Change, type Content, type Database, type StoredRow, Unavailable } from './database.ts';
import type { DatabaseAt } from './messages.ts';
import { SCHEMA, SCHEMA_LOCK } from './postgres-schema.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A server that takes longer is gone. */
const QUERY_TIMEOUT_MS = 60_000;
/** How long nobody asks for a server that was not there. */
const AWAY_MS = 1_000;
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_RETRY_MS = 50;
/** Rows of one statement: a statement has at most 65,535 parameters, and a memory. */
const ROWS_AT_ONCE = 100;

type Put = Extract<Change, { kind: 'put' }>;
type Drop = Extract<Change, { kind: 'drop' }>;
type Take = Extract<Change, { kind: 'take' }>;

/**
 * A PostgreSQL server, over one connection. While the server is away everything fails; the next who asks, after a while, connects anew. What a lost
 * connection leaves in doubt has failed for whoever wanted it, so it is undone before anything else.
 */
export class PostgresDatabase implements Database {
  readonly name: string;
  readonly #url: string;
  readonly #createSchema: boolean;
  readonly #channels = new Set<string>();
  #client: Client | undefined;
  #doubtful: Change[] = [];
  #awayUntil = 0;

  /** Connects. Rejects when the server is not there, or lets nobody in. */
  static async open(at: Extract<DatabaseAt, { kind: 'postgres' }>): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(at);
    await database.#connected();
    return database;
  }

  private constructor({ url, createSchema }: Extract<DatabaseAt, { kind: 'postgres' }>) {
    const { host, pathname } = new URL(url);
    this.name = `postgresql://${host}${pathname}`;
    this.#url = url;
    this.#createSchema = createSchema;
  }

  async open(channel: string): Promise<Content> {
    const client = await this.#connected();
    await this.#lock(client, channel);
    this.#channels.add(channel);
    const { rows } = await this.#ask<Content>(
      client,
      `SELECT (coalesce(sum(events - gone), 0))::float8 AS events,
         (coalesce(sum(bytes - gone_bytes), 0))::float8 AS bytes, coalesce(max(id), 0)::float8 AS "lastId"
       FROM flume.batches, LATERAL (
         SELECT coalesce(sum(after - first), 0) AS gone,
           coalesce(sum(bytes::bigint * after / events - bytes::bigint * first / events), 0) AS gone_bytes
         FROM flume.taken WHERE taken.channel = batches.channel AND batch = id
       ) AS parts WHERE channel = $1`,
      [channel],
    );
    return rows[0]!;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const client = await this.#connected();
    await this.#ask(client, 'BEGIN');
    try {
      await this.#apply(client, changes);
    } catch (error) {
      if (client === this.#client) await this.#ask(client, 'ROLLBACK');
      throw error;
    }
    try {
      await this.#ask(client, 'COMMIT');
    } catch (error) {
      // The lock on the channel, taken first on the next connection, is the server's word that the old one has ended.
      if (client !== this.#client) this.#doubtful.push(...changes);
      throw error;
    }
  }

  async rows(channel: string, after: number, limit: number): Promise<StoredRow[]> {
    const { rows } = await this.#ask<StoredRow>(
      await this.#connected(),
      `SELECT id::float8 AS id, extract(epoch FROM time)::float8 * 1000 AS time, events, bytes,
         coalesce((SELECT json_agg(json_build_array(first, after)) FROM flume.taken
                   WHERE taken.channel = batches.channel AND batch = id), '[]') AS taken
       FROM flume.batches WHERE channel = $1 AND id > $2 ORDER BY id LIMIT $3`,
      [channel, after, limit],
    );
    return rows;
  }

  async blocks(channel: string, ids: readonly number[]): Promise<Map<number, Uint8Array>> {
    const { rows } = await this.#ask<{ id: number; block: Buffer }>(
      await this.#connected(),
      'SELECT id::float8 AS id, block FROM flume.batches WHERE channel = $1 AND id = ANY($2::bigint[])',
      [channel, ids],
    );
    // A copy begins where numbers may be read, which a slice of what came from a socket does not.
    return new Map(rows.map(({ id, block }) => [id, new Uint8Array(block)]));
  }

  /** The server does that by itself. */
  async trim(): Promise<void> {}

  async close(): Promise<void> {
    await this.#client?.end();
  }

  async #apply(client: Client, changes: readonly Change[]): Promise<void> {
    const puts = changes.filter((change) => change.kind === 'put');
    for (let at = 0; at < puts.length; at += ROWS_AT_ONCE) await this.#put(client, puts.slice(at, at + ROWS_AT_ONCE));
    await this.#drop(
      client,
      changes.filter((change) => change.kind === 'drop'),
    );
    const takes = changes.filter((change) => change.kind === 'take');
    if (takes.length > 0) await this.#take(client, takes);
  }

  async #put(client: Client, puts: readonly Put[]): Promise<void> {
    const row = (at: number) => {
      const [channel, id, time, events, bytes, block] = Array.from(
        { length: 6 },
        (_, field) => `$${6 * at + field + 1}`,
      );
      return `(${channel}, ${id}, to_timestamp(${time}::float8 / 1000), ${events}, ${bytes}, ${block})`;
    };
    await this.#ask(
      client,
      `INSERT INTO flume.batches (channel, id, time, events, bytes, block) VALUES ${puts.map((_, at) => row(at)).join(', ')}`,
      puts.flatMap(({ channel, id, time, packed: { events, bytes, block } }) => [
        channel,
        id,
        time,
        events,
        bytes,
        Buffer.from(block.buffer, block.byteOffset, block.length),
      ]),
    );
  }

  async #drop(client: Client, drops: readonly (Drop | Put)[]): Promise<void> {
    if (drops.length === 0) return;
    await this.#ask(
      client,
      `DELETE FROM flume.batches USING unnest($1::text[], $2::bigint[]) AS gone (channel, id)
       WHERE batches.channel = gone.channel AND batches.id = gone.id`,
      [drops.map(({ channel }) => channel), drops.map(({ id }) => id)],
    );
  }

  async #take(client: Client, takes: readonly Take[]): Promise<void> {
    const columns = columnsOf(takes);
    await this.#ask(
      client,
      `INSERT INTO flume.taken (channel, batch, first, after)
       SELECT part.* FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::integer[]) AS part (channel, id, first, after)
       JOIN flume.batches ON batches.channel = part.channel AND batches.id = part.id`,
      columns,
    );
    await this.#ask(
      client,
      `DELETE FROM flume.batches USING (SELECT DISTINCT * FROM unnest($1::text[], $2::bigint[]) AS touched (channel, id)) AS touched
       WHERE batches.channel = touched.channel AND batches.id = touched.id
         AND events = (SELECT sum(after - first) FROM flume.taken WHERE taken.channel = batches.channel AND batch = batches.id)`,
      columns.slice(0, 2),
    );
  }

  /** Takes back what a commit has done of which nobody knows whether it was. */
  async #undo(client: Client, changes: readonly Change[]): Promise<void> {
    await this.#drop(
      client,
      changes.filter((change) => change.kind === 'put'),
    );
    const takes = changes.filter((change) => change.kind === 'take');
    if (takes.length === 0) return;
    await this.#ask(
      client,
      `DELETE FROM flume.taken USING unnest($1::text[], $2::bigint[], $3::integer[], $4::integer[]) AS gone (channel, batch, first, after)
       WHERE (taken.channel, taken.batch, taken.first, taken.after) = (gone.channel, gone.batch, gone.first, gone.after)`,
      columnsOf(takes),
    );
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    if (performance.now() < this.#awayUntil) throw new Unavailable(`${this.name} is away: it is asked for again soon.`);
    const client = new Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    client.on('error', () => this.#lose(client));
    try {
      await client.connect();
      await this.#setUp(client);
      await this.#undo(client, this.#doubtful);
      this.#doubtful = [];
      this.#client = client;
      return client;
    } catch (cause) {
      this.#lose(client);
      this.#awayUntil = performance.now() + AWAY_MS;
      throw new Unavailable(`${this.name} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }

  async #setUp(client: Client): Promise<void> {
    // What is committed is on the disk, whatever the server does by default.
    await client.query(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    );
    if (this.#createSchema) {
      await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK}); ${SCHEMA} COMMIT`);
    }
    for (const channel of this.#channels) await this.#lock(client, channel);
  }

  /** The server lets go of it when the connection ends, which it may notice a moment later. */
  async #lock(client: Client, channel: string): Promise<void> {
    const until = performance.now() + LOCK_TIMEOUT_MS;
    const lock = "SELECT pg_try_advisory_lock(hashtextextended('millrace jdbc channel ' || $1, 0)) AS mine";
    for (;;) {
      const { rows } = await client.query<{ mine: boolean }>(lock, [channel]);
      if (rows[0]!.mine) return;
      if (performance.now() > until) break;
      await pause(LOCK_RETRY_MS);
    }
    throw new Error(
      `channel ${channel} in ${this.name} is in use by another agent: give each channel a name of its own.`,
    );
  }

  async #ask<Row extends object>(client: Client, text: string, values: readonly unknown[] = []) {
    try {
      return await client.query<Row & Record<string, unknown>>(text, [...values]);
    } catch (error) {
      // The server has answered, and goes on.
      const answered = error instanceof DatabaseError && error.severity !== 'FATAL' && error.severity !== 'PANIC';
      const message = `${(error as Error).message} (${this.name})`;
      if (answered) throw new Error(message, { cause: error });
      this.#lose(client);
      throw new Unavailable(message, { cause: error });
    }
  }

  #lose(client: Client): void {
    if (this.#client === client) this.#client = undefined;
    client.end().catch(() => {});
  }
}

function columnsOf(takes: readonly Take[]): unknown[][] {
  return [
    takes.map(({ channel }) => channel),
    takes.map(({ id }) => id),
    takes.map(({ from }) => from),
    takes.map(({ to }) => to),
  ];
}
