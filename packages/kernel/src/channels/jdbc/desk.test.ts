import { expect, test } from 'vitest';
import { type Change, type Database, Unavailable } from './database.ts';
import { Desk } from './desk.ts';

const drop = (id: number): Change => ({ kind: 'drop', channel: 'c1', id });

/** A database of which only the transactions are seen; it refuses those with the row 13. */
function watched(refusal = new Error('constraint failed')) {
  const transactions: number[][] = [];
  const commit = async (changes: readonly Change[]) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const ids = changes.map(({ id }) => id);
    transactions.push(ids);
    if (ids.includes(13)) throw refusal;
  };
  return { desk: new Desk({ commit } as unknown as Database), transactions };
}

const write = (desk: Desk, ids: readonly number[], bytes = 0) =>
  new Promise<unknown>((resolve) => {
    desk.write({ changes: ids.map(drop), bytes, done: () => resolve('done'), failed: resolve });
  });

test('what comes while a commit is under way is one transaction', async () => {
  const { desk, transactions } = watched();
  const writing = [write(desk, [1]), write(desk, [2])];
  await new Promise(setImmediate);
  writing.push(write(desk, [3, 4]), write(desk, [5]));
  await Promise.all(writing);
  expect(transactions).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
});

test('of a transaction that fails each part is tried alone, and only the one at fault fails', async () => {
  const { desk, transactions } = watched();
  const outcomes = await Promise.all([write(desk, [1]), write(desk, [13]), write(desk, [2])]);
  expect(outcomes).toEqual(['done', new Error('constraint failed'), 'done']);
  expect(transactions).toEqual([[1, 13, 2], [1], [13], [2]]);
});

test('when the database is away nothing is tried twice', async () => {
  const { desk, transactions } = watched(new Unavailable('away'));
  expect(await Promise.all([write(desk, [1]), write(desk, [13])])).toEqual([
    new Unavailable('away'),
    new Unavailable('away'),
  ]);
  expect(transactions).toEqual([[1, 13]]);
});

test('no transaction grows without a limit', async () => {
  const { desk, transactions } = watched();
  await Promise.all([1, 2, 3, 4, 5].map((id) => write(desk, [id], 3 << 20)));
  expect(transactions).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
});

test('reads come before writes, and one at a time', async () => {
  const { desk, transactions } = watched();
  const seen: string[] = [];
  const writing = write(desk, [1]);
  const reading = [1, 2].map(
    (number) =>
      new Promise<void>((resolve) =>
        desk.read(async () => {
          seen.push(`begin ${number}`);
          await new Promise(setImmediate);
          seen.push(`end ${number}, ${transactions.length}`);
          resolve();
        }),
      ),
  );
  await Promise.all([writing, ...reading]);
  expect(seen).toEqual(['begin 1', 'end 1, 0', 'begin 2', 'end 2, 0']);
});
