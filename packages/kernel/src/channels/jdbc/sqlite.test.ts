import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BatchBuilder, type Headers } from '@millrace/channel-native';
import { expect, onTestFinished, test } from 'vitest';
import { batchOf, type Packed, Packer } from './block.ts';
import { SqliteDatabase } from './sqlite.ts';

function scratchFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'new', 'directories', 'db.sqlite');
}

function pack(...events: readonly [string | Uint8Array, Headers?][]): Packed {
  const builder = new BatchBuilder();
  for (const [body, headers] of events) builder.append(body, headers);
  const batch = builder.finish();
  const packer = new Packer({ events: batch.length, bytes: batch.byteLength });
  packer.add(batch);
  return packer.finish();
}

const put = (id: number, packed: Packed, channel = 'c1') =>
  ({ kind: 'put', channel, id, time: 1_700_000_000_000 + id, packed }) as const;
const take = (id: number, from: number, to: number) => ({ kind: 'take', channel: 'c1', id, from, to }) as const;

test('what was committed is there when the file is opened again, without what was taken', async () => {
  const at = { file: scratchFile(), createSchema: true };
  const first = new SqliteDatabase(at);
  const three = pack(['a'], ['b', { host: 'h1' }], ['c']);
  await first.commit([put(1, three), put(2, pack(['d'])), put(3, pack(['e']), 'c2'), put(4, pack(['f'], ['g']))]);
  await first.commit([take(1, 1, 2), { kind: 'drop', channel: 'c1', id: 2 }, take(4, 0, 1)]);
  await first.commit([take(4, 1, 2)]);
  await first.close();

  const again = new SqliteDatabase(at);
  expect(await again.open('c1')).toMatchObject({ events: 2, lastId: 3 });
  expect(await again.open('c2')).toMatchObject({ events: 1 });
  const [row, ...more] = await again.rows('c1', 0, 10);
  expect(more).toEqual([]);
  expect(row).toMatchObject({ id: 1, time: 1_700_000_000_001, events: 3, bytes: three.bytes, taken: [[1, 2]] });
  const blocks = await again.blocks('c1', [1, 2]);
  expect([...blocks.keys()]).toEqual([1]);
  const batch = batchOf(blocks.get(1)!, row!);
  expect([batch.bodyView(2).toString(), batch.headers(1)]).toEqual(['c', { host: 'h1' }]);
  expect(await again.rows('c1', 1, 10)).toEqual([]);
  await again.close();
});

test('a transaction that fails leaves nothing behind, and the next can be done', async () => {
  const database = new SqliteDatabase({ file: scratchFile(), createSchema: true });
  await database.commit([put(1, pack(['a']))]);
  await expect(database.commit([put(2, pack(['b'])), put(1, pack(['again']))])).rejects.toThrow('UNIQUE');
  await database.commit([put(3, pack(['c']))]);
  expect((await database.rows('c1', 0, 10)).map(({ id }) => id)).toEqual([1, 3]);
  await database.close();
});

test('rows that somebody has deleted by hand stand in the way of no take, and in that of no later row', async () => {
  const at = { file: scratchFile(), createSchema: true };
  const byHand = (sql: string) => {
    const shell = new DatabaseSync(at.file, { enableForeignKeyConstraints: false });
    shell.exec(sql);
    shell.close();
  };
  const database = new SqliteDatabase(at);
  await database.commit([put(1, pack(['a'], ['b'])), put(2, pack(['c'], ['d']))]);
  byHand('DELETE FROM batches WHERE id = 1');
  expect([...(await database.blocks('c1', [1, 2])).keys()]).toEqual([2]);
  await database.commit([take(1, 0, 1), take(2, 1, 2), { kind: 'drop', channel: 'c1', id: 1 }]);
  expect(await database.rows('c1', 0, 10)).toMatchObject([{ id: 2, taken: [[1, 2]] }]);
  byHand('DELETE FROM batches');
  await database.close();

  const again = new SqliteDatabase(at);
  expect(await again.open('c1')).toEqual({ events: 0, bytes: 0, lastId: 0 });
  await again.commit([put(2, pack(['e'], ['f']))]);
  expect(await again.rows('c1', 0, 10)).toMatchObject([{ id: 2, taken: [] }]);
  await again.close();
});

test('anybody who reads the file sees every event that waits, with headers and body, while the agent runs', async () => {
  const file = scratchFile();
  const database = new SqliteDatabase({ file, createSchema: true });
  const long = 'ü'.repeat(5_000);
  const headers = { host: 'h1', '': '', long, quote: '"\\' };
  await database.commit([put(1, pack(['zero'], ['one', headers], ['two'], ['']))]);
  await database.commit([
    put(2, pack(['three', Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`n${at}`, `${at}`]))]), 'c2'),
  ]);
  await database.commit([take(1, 0, 1)]);

  const reader = new DatabaseSync(file, { readOnly: true });
  const rows = reader.prepare('SELECT * FROM events').all();
  reader.close();
  expect(rows.map((row) => [row['channel'], row['batch'], row['number'], row['body']])).toEqual([
    ['c1', 1, 1, 'one'],
    ['c1', 1, 2, 'two'],
    ['c1', 1, 3, ''],
    ['c2', 2, 0, 'three'],
  ]);
  expect(rows[0]!['time']).toBe('2023-11-14 22:13:20.001');
  expect(JSON.parse(rows[0]!['headers'] as string)).toEqual(headers);
  expect(JSON.parse(rows[1]!['headers'] as string)).toEqual({});
  expect(Object.keys(JSON.parse(rows[3]!['headers'] as string))).toHaveLength(100);
  await database.close();
});

test('a file that another agent has is refused with its name, until that agent is gone', async () => {
  const at = { file: scratchFile(), createSchema: true };
  const mine = new SqliteDatabase(at);
  expect(() => new SqliteDatabase(at)).toThrow(`${at.file} is in use by another agent`);
  const open = `new (await import(${JSON.stringify(import.meta.resolve('./sqlite.js'))})).SqliteDatabase(${JSON.stringify(at)})`;
  const otherProcess = () =>
    execFileSync(process.execPath, ['--input-type=module', '-e', open], { stdio: 'pipe', encoding: 'utf8' });
  expect(otherProcess).toThrow('is in use by another agent');
  await mine.close();
  otherProcess();
});

test('files of others, of later versions, and without tables where none shall be made are refused', async () => {
  const file = scratchFile();
  expect(() => new SqliteDatabase({ file, createSchema: false })).toThrow('create.schema');
  await new SqliteDatabase({ file, createSchema: true }).close();
  await new SqliteDatabase({ file, createSchema: false }).close();

  const change = (sql: string) => {
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
  };
  change('PRAGMA user_version = 99');
  expect(() => new SqliteDatabase({ file, createSchema: true })).toThrow('use the later version that wrote it');
  change('PRAGMA application_id = 0');
  expect(() => new SqliteDatabase({ file, createSchema: true })).toThrow('this is a database of something else');
  writeFileSync(file, 'no database at all, but long enough to be looked at'.repeat(100));
  expect(() => new SqliteDatabase({ file, createSchema: true })).toThrow(`${file}: file is not a database`);
});

test('a file that has grown is small again when it is empty', async () => {
  const file = scratchFile();
  const database = new SqliteDatabase({ file, createSchema: true });
  const large = pack([new Uint8Array(20 << 20)]);
  await database.commit([1, 2, 3, 4].map((id) => put(id, large)));
  await database.commit([1, 2, 3].map((id) => ({ kind: 'drop', channel: 'c1', id })));
  await database.trim();
  await database.commit([{ kind: 'drop', channel: 'c1', id: 4 }]);
  expect(statSync(file).size + statSync(`${file}-wal`).size).toBeGreaterThan(60 << 20);
  await database.trim();
  await database.close();
  expect(statSync(file).size).toBeLessThan(1 << 20);
});
