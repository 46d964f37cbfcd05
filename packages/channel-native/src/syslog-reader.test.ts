import { expect, test } from 'vitest';
import { BatchBuilder, headerMap, SyslogReader } from './index.ts';

test('any number of datagrams becomes events, in as many blocks as that takes', () => {
  const builder = new BatchBuilder();
  const reader = new SyslogReader(builder, { parser: 'plain' });
  const maps = headerMap(builder, { from: 'here' });
  // Their table alone is larger than a block.
  const count = 100_000;
  const marks = Uint32Array.from({ length: 3 * count }, (_, at) => [1, 0, maps.length][at % 3]!);
  const batches = reader.datagrams({ bytes: new Uint8Array(count).fill(0x78), marks, count, maps });
  expect(batches.reduce((sum, { length }) => sum + length, 0)).toBe(count);
  const last = batches.at(-1)!;
  expect([last.headers(last.length - 1), Buffer.from(last.body(last.length - 1)).toString()]).toEqual([
    { from: 'here' },
    'x',
  ]);
});
