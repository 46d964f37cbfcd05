import { expect, test } from 'vitest';
import { flow, memoryPlan } from '../fixtures/flow.ts';
import { planOf } from '../fixtures/plan.ts';
import { withStuck } from './staying.ts';

test('what does not end stays in the next plan as it is, with its channels, changed or removed', () => {
  const { source, sink } = flow();
  const running = planOf({
    channels: [memoryPlan('c1'), memoryPlan('c2'), memoryPlan('c3')],
    sinks: [sink('k1', {}, 'c1'), sink('k2', {}, 'c3')],
    sources: [source('r1', {}, ['c2']), source('r2', {}, ['c1', 'c3'])],
  });
  const next = planOf({
    channels: [memoryPlan('c1', { capacity: 5_000 }), memoryPlan('c3', { capacity: 5_000 })],
    sinks: [sink('k1', { batch: 7 }, 'c3'), sink('k2', { batch: 7 }, 'c3')],
    sources: [source('r2', { batch: 7 }, ['c3'])],
  });
  const plan = withStuck(running, next, new Set(['a1.sinks.k1', 'a1.sources.r1']));
  const [c1, c2] = running.channels;
  expect(plan).toEqual({
    ...next,
    channels: [c1, next.channels[1], c2],
    sinks: [running.sinks[0], next.sinks[1]],
    sources: [next.sources[0], running.sources[0]],
  });
});
