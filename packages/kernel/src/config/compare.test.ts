import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memory } from '../channels/memory/spec.ts';
import { facts } from '../fixtures/facts.ts';
import { channelPlan, planOf, sinkPlan, sourcePlan } from '../fixtures/plan.ts';
import { defineSink, property } from '../spec.ts';
import { text } from '../types.ts';
import { comparePlans } from './compare.ts';
import type { Plan } from './plan-types.ts';

const reasons = (running: Plan, next: Plan) =>
  comparePlans(running, next).changes.map(({ id, what, why }) => `${what} ${id}: ${why}`);

test('what comes, what goes and what differs is told, and why', () => {
  const running = planOf({
    channels: [channelPlan('c1'), channelPlan('c2')],
    sinks: [sinkPlan('k1', 'counting', { batchSize: 100, hosts: ['a', 'b'] }), sinkPlan('k2', 'counting', {}, 'c2')],
    sources: [sourcePlan('r1', 'emitting', { port: 1 }), sourcePlan('r2', 'emitting')],
  });
  const next = planOf({
    channels: [channelPlan('c1'), channelPlan('c3')],
    sinks: [sinkPlan('k1', 'counting', { batchSize: 200, hosts: ['a', 'c'] }), sinkPlan('k2', 'counting', {}, 'c3')],
    sources: [sourcePlan('r3', 'emitting'), sourcePlan('r2', 'listening')],
  });
  expect(reasons(running, next)).toEqual([
    'stop a1.channels.c2: it is not in the configuration any more',
    'start a1.channels.c3: it is new',
    'restart a1.sinks.k1: batchSize 100 → 200, hosts a,b → a,c',
    'restart a1.sinks.k2: its channel c2 → c3',
    'stop a1.sources.r1: it is not in the configuration any more',
    'start a1.sources.r3: it is new',
    'restart a1.sources.r2: another module implements its type',
  ]);
  expect(comparePlans(running, next).untouched).toBe(1);
});

test('who is at a channel that is opened again restarts with it', () => {
  const plan = (capacity: number) =>
    planOf({
      channels: [channelPlan('c1', { capacity }), channelPlan('c2')],
      sinks: [sinkPlan('k1', 'counting'), sinkPlan('k2', 'counting', {}, 'c2')],
      sources: [sourcePlan('r1', 'emitting', {}, ['c2', 'c1']), sourcePlan('r2', 'emitting', {}, ['c2'])],
    });
  expect(reasons(plan(1), plan(2))).toEqual([
    'restart a1.channels.c1: capacity 1 → 2',
    'restart a1.sinks.k1: its channel c1 is opened again',
    'restart a1.sources.r1: its channel c1 is opened again',
  ]);
});

test('a setting that comes or goes is named by what operators write, and another type by its name', () => {
  const channel = (config: Record<string, unknown>, spec = memory) => {
    const plan = channelPlan('c1', config);
    return planOf({ channels: [{ ...plan, registration: { ...plan.registration, spec } }] });
  };
  expect(reasons(channel({ capacity: 1 }), channel({ capacity: 1, keepAliveSeconds: 3 }))).toEqual([
    'restart a1.channels.c1: keep-alive (unset) → 3',
  ]);
  expect(reasons(channel({}), channel({}, { ...memory, type: 'other' as never }))).toEqual([
    'restart a1.channels.c1: its type memory → other',
  ]);
});

test('which channels are optional, and what an event passes, are differences', () => {
  const source = sourcePlan('r1', 'emitting', {}, ['c1']);
  const { registration } = source;
  const interceptors = [
    { id: 'a1.sources.r1.interceptors.i1', name: 'i1', registration: registration as never, config: {} },
  ];
  const plan = (sources: Plan['sources']) => planOf({ sources });
  expect(reasons(plan([source]), plan([{ ...source, interceptors }]))).toEqual([
    'restart a1.sources.r1: its interceptors have changed',
  ]);
  expect(reasons(plan([source]), plan([{ ...source, required: [], optional: ['c1'] }]))).toEqual([
    'restart a1.sources.r1: its channels c1 → none, its optional channels none → c1',
  ]);
});

test.for([
  ['db.password', 'hunter2', 'hunter3'],
  ['url', 'https://ann:hunter2@host/', 'https://ann:hunter3@host/'],
  ['urls', ['https://ann:hunter2@host/', 'x'], ['https://ann:hunter3@host/', 'x']],
  ['command', 'mysql -phunter2', 'mysql -phunter3'],
  ['headers', { Authorization: 'hunter2' }, { Authorization: 'hunter3' }],
  ['long', 'hunter2'.repeat(20), 'hunter3'.repeat(20)],
] as const)('a secret in %s is not told', ([name, before, after]) => {
  const spec = defineSink({
    facts: facts.sink,
    type: 'fixture',
    classNames: [],
    summary: 'For tests.',
    stability: 'experimental',
    lingerMs: 0,
    properties: { value: property(name, text, 'Something.') },
    metrics: {},
  });
  const plan = (value: unknown) => {
    const sink = sinkPlan('k1', 'counting', { value });
    return planOf({ sinks: [{ ...sink, registration: { ...sink.registration, spec } }] });
  };
  const [told] = reasons(plan(before), plan(after));
  expect(told).toContain(name);
  expect(told).not.toContain('hunter');
});

const names = (letter: string) =>
  fc.uniqueArray(fc.constantFrom(1, 2, 3, 4), { maxLength: 4 }).map((numbers) => numbers.map((n) => `${letter}${n}`));
const configs = fc.constantFrom(
  {},
  { port: 1 },
  { port: 2 },
  { port: 2, hosts: ['a'] },
  { port: 2, hosts: ['a', 'b'] },
);

const plans: fc.Arbitrary<Plan> = fc.tuple(names('c'), names('k'), names('r')).chain(([channels, sinks, sources]) => {
  const at = fc.nat().map((n) => channels[n % channels.length] ?? 'c1');
  return fc.record({
    agent: fc.constant('a1'),
    channels: fc.tuple(...channels.map((name) => configs.map((config) => channelPlan(name, config)))),
    sinks: fc.tuple(
      ...sinks.map((name) =>
        fc.tuple(configs, at).map(([config, channel]) => sinkPlan(name, 'counting', config, channel)),
      ),
    ),
    sources: fc.tuple(
      ...sources.map((name) =>
        fc.tuple(configs, fc.uniqueArray(at)).map(([config, to]) => sourcePlan(name, 'emitting', config, to)),
      ),
    ),
  });
});

const all = ({ channels, sinks, sources }: Plan) => [...channels, ...sinks, ...sources];

test('a plan does not differ from itself, nor from a copy', () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const copy = { ...plan, sinks: plan.sinks.map((sink) => ({ ...sink, config: structuredClone(sink.config) })) };
      expect(comparePlans(plan, copy)).toEqual({ changes: [], untouched: all(plan).length, remarks: [] });
    }),
  );
});

test('what runs, without what stops or restarts and with what starts or restarts, is what shall run', () => {
  fc.assert(
    fc.property(plans, plans, (running, next) => {
      const { changes, untouched } = comparePlans(running, next);
      const ids = (...which: string[]) =>
        new Set(changes.filter(({ what }) => which.includes(what)).map(({ id }) => id));
      const stay = all(running).filter(({ id }) => !ids('stop', 'restart').has(id));
      const begin = all(next).filter(({ id }) => ids('start', 'restart').has(id));
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      expect([...stay, ...begin].sort(byId)).toEqual(all(next).sort(byId));
      expect(untouched).toBe(stay.length);
      expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
    }),
  );
});
