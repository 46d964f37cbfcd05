import { expect, test } from 'vitest';
import { counter, gauge } from '../spec.ts';
import { metricsOf, settle, sinkMetrics, sourceMetrics } from './base.ts';
import { allocateCells, metersOver, readCells } from './cells.ts';

test('components share a buffer and no cell, and begin on cache lines of their own', () => {
  const [r1, k1] = allocateCells([['received', 'accepted'], ['taken']]);
  metersOver(r1!)['accepted']!.add(5);
  metersOver(k1!)['taken']!.add(7);
  metersOver(r1!)['accepted']!.add(-2);
  expect(readCells(r1!)).toEqual({ received: 0, accepted: 3 });
  expect(readCells(k1!)).toEqual({ taken: 7 });
  expect(k1!.buffer).toBe(r1!.buffer);
  expect(k1!.first * 8).toBe(64);
});

test('every component has the figures of its kind and its own', () => {
  const own = { overlong: counter('overlong_total', 'Too long.') };
  expect(metricsOf({ kind: 'source', metrics: own })).toEqual({ ...sourceMetrics, ...own });
  expect(metricsOf({ kind: 'sink', metrics: {} })).toEqual(sinkMetrics);
});

test('what a dead worker had open is accounted for, and its gauges fall to zero', () => {
  const metrics = metricsOf({ kind: 'source', metrics: { open: gauge('connections', 'Open connections.') } });
  const [cells] = allocateCells([Object.keys(metrics)]);
  const { received, accepted, filtered, open } = metersOver(cells!);
  received!.add(10);
  accepted!.add(6);
  filtered!.add(1);
  open!.add(4);
  settle(metrics, cells!);
  expect(readCells(cells!)).toMatchObject({ received: 10, accepted: 6, rejected: 3, filtered: 1, open: 0 });
});

test('what a dead sink had taken counts as returned', () => {
  const metrics = metricsOf({ kind: 'sink', metrics: {} });
  const [cells] = allocateCells([Object.keys(metrics)]);
  const { taken, delivered } = metersOver(cells!);
  taken!.add(10);
  delivered!.add(6);
  settle(metrics, cells!);
  settle(metrics, cells!);
  expect(readCells(cells!)).toMatchObject({ taken: 10, delivered: 6, returned: 4 });
});
