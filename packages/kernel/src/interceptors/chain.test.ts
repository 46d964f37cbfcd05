import { type Batch, BatchBuilder } from '@millrace/channel-native';
import { expect, test } from 'vitest';
import type { Events } from '../component.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { Chain, openChain } from './chain.ts';

const builder = new BatchBuilder();

function batchOf(...bodies: readonly string[]): Batch {
  for (const body of bodies) builder.append(body);
  return builder.finish();
}

const chainOf = (intercept: (events: Events) => Promise<void> | void, written?: BatchBuilder) =>
  new Chain([{ id: 'i1', interceptor: { intercept, async close() {} } }], written);

test('an interceptor sees its changes as it makes them', async () => {
  const chain = chainOf((events) => {
    events.setHeader('a', '1');
    expect(events.headers(2)).toEqual({ a: '1' });
    events.keep((index) => index !== 1);
    expect(events.length).toBe(2);
    expect(events.bodyView(1).toString()).toBe('three');
    events.setHeader('b', '2');
    events.removeHeader('a');
    events.keep((index) => events.headers(index)['b'] === '2' && index > 0);
    expect(events.headerNames()).toEqual(['b']);
    events.map(({ headers, body }, index) => ({ headers, body: `${index} ${Buffer.from(body)}` }));
  });
  const { batch, origins } = await chain.pass(batchOf('one', 'two', 'three'));
  expect([batch.length, batch.bodyView(0).toString(), batch.headers(0)]).toEqual([1, '0 three', { b: '2' }]);
  expect(origins).toEqual([2]);
});

test('what is not changed is not copied, and what is changed takes the place of the original', async () => {
  const original = batchOf('one');
  const untouched = await chainOf((events) => void events.keep(() => true)).pass(original);
  expect(untouched).toEqual({ batch: original, origins: undefined });
  const written = new BatchBuilder();
  const { batch } = await chainOf((events) => events.setHeader('a', '1'), written).pass(original);
  expect([builder.block.pins, written.block.pins]).toEqual([0, 1]);
  batch.release();
  expect(written.block.pins).toBe(0);
});

test('changes of several interceptors that nobody looks at are made at once', async () => {
  const written = new BatchBuilder();
  let changes = 0;
  const { change } = written;
  written.change = (...parts) => {
    changes += 1;
    return change.apply(written, parts);
  };
  const set = (name: string) => ({
    id: name,
    interceptor: { intercept: (events: Events) => events.setHeader(name, name), async close() {} },
  });
  const { batch } = await new Chain([set('a'), set('b'), set('c')], written).pass(batchOf('one'));
  expect(batch.headers(0)).toEqual({ a: 'a', b: 'b', c: 'c' });
  expect(changes).toBe(1);
});

test('an interceptor that does not wait for what it begins is told so', async () => {
  const kept: Events[] = [];
  const { batch } = await chainOf((events) => void kept.push(events)).pass(batchOf('one'));
  batch.release();
  for (const use of [
    (events: Events) => events.setHeader('a', '1'),
    (events: Events) => events.removeHeader('a'),
    (events: Events) => events.headers(0),
    (events: Events) => events.bodyView(0),
    (events: Events) => events.keep(() => true),
    (events: Events) => events.map((event) => event),
  ]) {
    expect(() => use(kept[0]!)).toThrow(/after `intercept` had settled/);
  }
});

test('an interceptor that fails gives up what was made, and leaves the batch as it was', async () => {
  const written = new BatchBuilder();
  const original = batchOf('one', 'two');
  const chain = chainOf(async (events) => {
    events.setHeader('a', '1');
    events.keep((index) => events.headers(index)['a'] === '1' && index === 0);
    expect(events.headerNames()).toEqual(['a']);
    throw 'words';
  }, written);
  await expect(chain.pass(original)).rejects.toThrow('Interceptor i1 cannot let events pass: words');
  expect(written.block.pins).toBe(0);
  expect([original.length, original.headers(0)]).toEqual([2, {}]);
  expect(builder.block.pins).toBe(1);
  original.release();
});

test('what is no event is refused before it harms others', async () => {
  const written = new BatchBuilder();
  for (const wrong of [
    (events: Events) => events.setHeader('a', 7 as never),
    (events: Events) => events.setHeader('a', undefined as never),
    (events: Events) => events.removeHeader(null as never),
    (events: Events) => events.map(({ body }) => ({ headers: { a: 7 as never }, body })),
    (events: Events) => events.map(({ headers }, index) => ({ headers, body: (index === 0 ? 'fine' : 7) as never })),
  ]) {
    const batch = batchOf('one', 'two');
    expect(() => chainOf(wrong, written).pass(batch)).toThrow(/ text/);
    const { batch: next } = await chainOf((events) => events.setHeader('b', '1'), written).pass(batch);
    expect([next.length, next.bodyView(1).toString(), next.headers(1)]).toEqual([2, 'two', { b: '1' }]);
    next.release();
    expect(written.finish().length).toBe(0);
  }
});

/** A module that says in `globalThis.told` when it is opened and closed. */
const moduleOf = (name: string, opening = '') =>
  `data:text/javascript,export async function open() { globalThis.told.push('opens ${name}'); ${opening};
    return { intercept() {}, async close() { globalThis.told.push('closes ${name}'); } }; }`;

test('interceptors are opened in their order, and closed again when one of them cannot be', async () => {
  const told: string[] = [];
  Object.assign(globalThis, { told });
  const assignments = ['a', 'b'].map((id) => ({ id, module: moduleOf(id), config: {} }));
  const context = { log: memoryLog(), signal: new AbortController().signal };
  await (await openChain(assignments, context)).close();
  expect(told.splice(0)).toEqual(['opens a', 'opens b', 'closes a', 'closes b']);

  const bad = { id: 'c', module: moduleOf('c', `throw new Error('no c')`), config: {} };
  await expect(openChain([...assignments, bad], context)).rejects.toThrow('no c');
  expect(told.splice(0)).toEqual(['opens a', 'opens b', 'opens c', 'closes a', 'closes b']);
  const empty = { id: 'd', module: 'data:text/javascript,', config: {} };
  await expect(openChain([empty], context)).rejects.toThrow('does not export `open`');
});
