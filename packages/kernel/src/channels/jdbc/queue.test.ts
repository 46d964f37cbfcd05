import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Queue, type Row, type Run } from './queue.ts';

const rowOf = (id: number, events: number): Row => ({
  id,
  time: id,
  events,
  bytes: events * 7 + 3,
  since: 0,
  left: events,
});
const eventsOf = (runs: readonly Run[]) =>
  runs.flatMap(({ row, from, to }) => Array.from({ length: to - from }, (_, at) => `${row.id}.${from + at}`));
const inOrder = (a: string, b: string) => {
  const [[aRow, aEvent], [bRow, bEvent]] = [a, b].map((name) => name.split('.').map(Number)) as [number[], number[]];
  return aRow! - bRow! || aEvent! - bEvent!;
};

test('does what a sorted list would do, however few of its rows it may know', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ put: fc.integer({ min: 1, max: 5 }), hide: fc.boolean() }),
      fc.record({ take: fc.integer({ min: 1, max: 8 }), bytes: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ settle: fc.nat(), commit: fc.boolean() }),
      fc.record({ publish: fc.nat() }),
    ),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 5 }), (plan, known, before) => {
      // What stands in the database: rows, and of each the events that nobody has committed.
      const stored = new Map<Row, Set<string>>();
      const store = (row: Row) => stored.set(row, new Set(eventsOf([{ row, from: 0, to: row.events }])));
      const hidden: Row[] = [];
      const leases: Run[][] = [];
      let waiting: string[] = [];
      let lastId = 0;
      for (; lastId < before; lastId += 1) {
        const row = rowOf(lastId + 1, 3);
        waiting.push(...store(row).get(row)!);
      }
      const bytes = before * rowOf(0, 3).bytes;
      const queue = new Queue({ events: 3 * before, bytes }, known);

      const learn = () => {
        while (queue.behind !== undefined) {
          const after = queue.behind;
          const rows = [...stored.keys()].filter(({ id }) => id > after).slice(0, 2);
          const runs = rows
            .filter((row) => !hidden.includes(row))
            .flatMap((row) =>
              [...stored.get(row)!]
                .map((event) => Number(event.split('.')[1]))
                .map((from) => ({ row, from, to: from + 1 })),
            );
          queue.learn(runs, { to: rows.at(-1)?.id, all: rows.length < 2 });
        }
      };
      for (const step of plan) {
        if ('put' in step) {
          lastId += 1;
          const row = rowOf(lastId, step.put);
          const events = store(row).get(row)!;
          if (step.hide) hidden.push(row);
          else queue.publish(row);
          if (!step.hide) waiting.push(...events);
        } else if ('publish' in step && hidden.length > 0) {
          const [row] = hidden.splice(step.publish % hidden.length, 1) as [Row];
          queue.publish(row);
          waiting = [...waiting, ...stored.get(row)!].sort(inOrder);
        } else if ('take' in step) {
          learn();
          const runs = queue.take(step.take, step.bytes);
          const events = eventsOf(runs);
          expect(events).toEqual(waiting.splice(0, events.length));
          expect(events.length === 0).toBe(runs.length === 0);
          if (runs.length > 0) leases.push(runs);
        } else if ('settle' in step && leases.length > 0) {
          const [runs] = leases.splice(step.settle % leases.length, 1) as [Run[]];
          if (step.commit) {
            for (const run of runs) for (const event of eventsOf([run])) stored.get(run.row)!.delete(event);
          } else {
            queue.giveBack(runs);
            waiting = [...waiting, ...eventsOf(runs)].sort(inOrder);
          }
        }
        expect(queue.events).toBe(waiting.length);
        if (waiting.length === 0) expect(queue.bytes).toBe(0);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a long queue is gone through without its front growing', () => {
  const queue = new Queue({ events: 0, bytes: 0 });
  for (let id = 1; id <= 20_000; id += 1) queue.publish(rowOf(id, 1));
  for (let id = 1; id <= 20_000; id += 1) expect(queue.take(1, 100)[0]!.row.id).toBe(id);
  expect(queue.take(1, 100)).toEqual([]);
});
