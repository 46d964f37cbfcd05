import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { memoryLog } from './fixtures/memory-log.ts';
import { LINES_PER_CAUSE, LINES_PER_WINDOW, RECORDS_UNREAD_MAX, WINDOW_MS, WorkerLog, writeRecord } from './log.ts';
import type { LogRecord } from './worker/protocol.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function open({ reading = true, level = 'info' as const } = {}) {
  const records: LogRecord[] = [];
  const log = new WorkerLog({
    level,
    post: (record) => records.push(record),
    read: () => (reading ? records.length : 0),
  });
  return { log, records };
}

test('a cause that repeats is thinned out, and later it is said how often', () => {
  const { log, records } = open();
  for (let line = 0; line < LINES_PER_CAUSE + 32; line += 1) log.warn({ line }, 'Connection lost.');
  log.info({}, 'Another matter.');
  expect(records).toHaveLength(LINES_PER_CAUSE + 1);

  vi.advanceTimersByTime(WINDOW_MS);
  expect(records.at(-1)).toMatchObject({ level: 'warn', message: 'Connection lost.', suppressed: 32 });
  log.warn({}, 'Connection lost.');
  expect(records.at(-1)).toMatchObject({ suppressed: 0 });
});

test('a worker that never lets a timer run still says what it left out, when the window is over', () => {
  const { log, records } = open();
  for (let line = 0; line < LINES_PER_CAUSE + 5; line += 1) log.warn({}, 'Again.');
  vi.setSystemTime(Date.now());
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + WINDOW_MS);
  log.warn({}, 'Again.');
  expect(records.slice(-2)).toMatchObject([{ suppressed: 5 }, { suppressed: 0 }]);
});

test('causes that are all different share a budget', () => {
  const { log, records } = open();
  for (let line = 0; line < 10_000; line += 1) log.info({}, `Line ${line}.`);
  expect(records).toHaveLength(LINES_PER_WINDOW);
  log.flush();
  const suppressed = records.slice(LINES_PER_WINDOW).reduce((sum, record) => sum + record.suppressed, 0);
  expect(suppressed).toBe(10_000 - LINES_PER_WINDOW);
});

test('nothing is sent to a main thread that does not read, and it is told afterwards', () => {
  let read = 0;
  const records: LogRecord[] = [];
  const log = new WorkerLog({ level: 'info', post: (record) => records.push(record), read: () => read });
  const lines = LINES_PER_WINDOW * 4;
  for (let line = 0; line < lines; line += 1) {
    if (line % LINES_PER_WINDOW === 0) log.flush();
    log.info({}, `Line ${line % 40}.`);
  }
  expect(records).toHaveLength(RECORDS_UNREAD_MAX);

  read = records.length;
  log.flush();
  const said = records.filter(({ suppressed }) => suppressed === 0).length;
  const suppressed = records.reduce((sum, record) => sum + record.suppressed, 0);
  expect(said + suppressed).toBe(lines);
});

test('what is below the level costs nothing', () => {
  const { log, records } = open();
  log.debug({}, 'Details.');
  expect(records).toEqual([]);
});

test('fields arrive as plain data, errors with their code, whatever they hold', () => {
  const { log, records } = open();
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const error = Object.assign(new TypeError('bad', { cause: new Error('root') }), { code: 'E_BAD' });
  log.error({ error, count: 3n, long: 'x'.repeat(100_000) }, 'Mixed.');
  log.error(circular, 'Circular.');
  log.error({ many: Array.from({ length: 10_000 }, String) }, 'Large.');

  expect(JSON.parse(records[0]!.fields)).toMatchObject({
    error: { name: 'TypeError', message: 'bad', code: 'E_BAD', cause: { message: 'root' } },
    count: '3',
  });
  expect(JSON.parse(records[1]!.fields)).toMatchObject({ unprintable: expect.stringContaining('circular') });
  for (const { fields } of records) expect(fields.length).toBeLessThan(20_000);
});

test('the main thread writes each record under the name of its component', () => {
  const log = memoryLog();
  writeRecord(log, 'a1.sinks.k1', { level: 'warn', message: 'Slow.', fields: '{"ms":9}', suppressed: 0 });
  writeRecord(log, 'a1.sinks.k1', { level: 'warn', message: 'Slow.', fields: '{}', suppressed: 7 });
  expect(log.lines).toEqual(['a1.sinks.k1: Slow.', 'a1.sinks.k1: Suppressed 7 more: Slow.']);
});
