import { expect, test } from 'vitest';
import { BatchBuilder, headerMap, SyslogReader } from './index.ts';

test('any number of datagrams becomes events, in as many blocks as that takes', () => {
  const builder = new BatchBuilder();
  const reader = new SyslogReader(builder, { parser: 'plain' });
  const maps = ['here', 'there'].map((from) => headerMap(builder, { from }));
  // Their table alone is larger than a block.
  const count = 100_000;
  const marks = Uint32Array.from({ length: 2 * count }, (_, at) => [1, Number(at > count)][at % 2]!);
  const batches = reader.datagrams({ bytes: new Uint8Array(count).fill(0x78), marks, count }, maps);
  expect(batches.reduce((sum, { length }) => sum + length, 0)).toBe(count);
  const [first, last] = [batches[0]!, batches.at(-1)!];
  expect([first.headers(0), last.headers(last.length - 1)]).toEqual([{ from: 'here' }, { from: 'there' }]);
  expect(Buffer.from(last.body(last.length - 1)).toString()).toBe('x');
});
