import { expect, test } from 'vitest';
import { renderTable } from './table.ts';

test('text stands to the left and figures to the right, with three digits that mean something', () => {
  const rows = [
    { channel: 'memory', 'events/s': 12_345_678 },
    { channel: 'file, takeSync', 'events/s': 0.012345 },
    { channel: 'jdbc', 'events/s': NaN },
  ];
  expect(renderTable(rows)).toBe(
    [
      'channel           events/s',
      'memory          12,300,000',
      'file, takeSync      0.0123',
      'jdbc                     –',
      '',
    ].join('\n'),
  );
});
