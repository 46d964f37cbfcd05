import { type DirectEnd, MemoryChannel, newOwner } from '@millrace/channel-native';
import { expect, test } from 'vitest';
import type { ChannelAddress } from '../channel.ts';
import { nativeAddress } from '../channels/native.ts';
import type { SourceContext } from '../component.ts';
import { MillraceError } from '../errors.ts';
import { sourceAssignment } from '../fixtures/assignment.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { readCells } from '../metrics/cells.ts';
import type { SourceSpec } from '../spec.ts';
import type { SourceAssignment } from '../worker/protocol.ts';
import type { Stage } from './runner.ts';
import { open, poll } from './source.ts';

type Step = 'ready' | 'backoff' | Error;

/** Polls through the steps and then stops; returns the pauses before each poll after the first, in milliseconds. */
async function pausesOf(steps: readonly Step[], backoff = { incrementMs: 300, maxMs: 750 }) {
  const stop = new AbortController();
  const log = memoryLog();
  const pauses: number[] = [];
  let at = 0;
  let last = performance.now();
  const source = {
    backoff,
    async poll() {
      const now = performance.now();
      if (at > 0) pauses.push(now - last);
      last = now;
      const step = steps[at] ?? 'ready';
      at += 1;
      if (at > steps.length) stop.abort();
      if (step instanceof Error) throw step;
      return step;
    },
    async close() {},
  };
  await poll(source, { log, asked: stop.signal });
  return { pauses, log };
}

/** From a little less to a quarter of a second more: a busy machine wakes late. */
const about = (ms: number) => expect.closeTo(ms + 120, -2.4);

test('nothing to do pauses longer each time up to the limit, and work begins anew', async () => {
  const { pauses } = await pausesOf(['backoff', 'backoff', 'backoff', 'ready', 'backoff']);
  expect(pauses).toEqual([about(300), about(600), about(750), about(0), about(300)]);
});

test('an exception pauses as long as the limit, and the count of backoffs stays', async () => {
  const { pauses, log } = await pausesOf(['backoff', new Error('lost'), 'backoff']);
  expect(pauses).toEqual([about(300), about(750), about(600)]);
  expect(log.lines).toEqual(['Polling failed; trying again in 750 ms.']);
});

test('a channel that refuses is tried again without a pause', async () => {
  const { pauses, log } = await pausesOf([new MillraceError('MR_CHANNEL_FULL', 'c1')]);
  expect(pauses).toEqual([about(0)]);
  expect(log.lines).toEqual(['A channel refused events.']);
});

test('what can never fit is not tried again without a pause', async () => {
  const { pauses } = await pausesOf([new MillraceError('MR_CHANNEL_TOO_LARGE', 'c1')]);
  expect(pauses).toEqual([about(750)]);
});

test('a source that is always ready lets the event loop turn, so that a stop arrives', async () => {
  const stop = new AbortController();
  let polls = 0;
  const deadline = performance.now() + 10_000;
  const watch = setInterval(() => polls > 1_000 && stop.abort('in time'), 5);
  await poll(
    {
      async poll() {
        polls += 1;
        if (performance.now() > deadline) stop.abort('by itself');
        return 'ready';
      },
      async close() {},
    },
    { log: memoryLog(), asked: stop.signal },
  );
  clearInterval(watch);
  expect(stop.signal.reason).toBe('in time');
});

test('a stop ends a pause at once', async () => {
  const began = performance.now();
  await poll(
    { backoff: { incrementMs: 5_000, maxMs: 5_000 }, poll: async () => 'backoff', close: async () => {} },
    { log: memoryLog(), asked: AbortSignal.timeout(20) },
  );
  expect(performance.now() - began).toBeLessThan(4_000);
});

/** Opens a source behind an interceptor, and closes it again; returns what happens in which order. */
async function lifeOf(openSource: (tell: (what: string) => void) => Promise<unknown>) {
  const told: string[] = [];
  Object.assign(globalThis, { tellOfInterceptor: (what: string) => told.push(what) });
  const module = `data:text/javascript,export async function open({ id, config }) {
    tellOfInterceptor(id + ' opens with ' + config.word);
    return { intercept() {}, async close() { tellOfInterceptor(id + ' closes'); } };
  }`;
  const interceptors = [{ id: 'i1', module, config: { word: 'yes' } }];
  const stage: Stage = {
    assignment: sourceAssignment({ interceptors }),
    owner: 0,
    module: { open: () => openSource((what) => told.push(what)) },
    log: memoryLog(),
    asked: AbortSignal.abort(),
    leaving: AbortSignal.abort(),
    overdue: AbortSignal.abort(),
  };
  const failure = await open(stage).then(
    (source) => source.close(),
    (error) => error.message,
  );
  return { told, failure };
}

test('interceptors are opened before their source, and closed behind it', async () => {
  const { told } = await lifeOf(async (tell) => {
    tell('source opens');
    return { close: async () => tell('source closes') };
  });
  expect(told).toEqual(['i1 opens with yes', 'source opens', 'source closes', 'i1 closes']);
});

test('interceptors are closed again when their source cannot be opened', async () => {
  const { told, failure } = await lifeOf(async () => {
    throw new Error('no port');
  });
  expect(failure).toBe('no port');
  expect(told).toEqual(['i1 opens with yes', 'i1 closes']);
});

/** What a source is given to put into directly, and its figures when three events were put so. */
async function directOf(assigned: Partial<SourceAssignment>) {
  const assignment = sourceAssignment(assigned);
  let given: DirectEnd | undefined;
  const source = await open({
    assignment,
    owner: newOwner(),
    module: {
      open: async ({ direct }: SourceContext<SourceSpec>) => {
        given = direct;
        return { async close() {} };
      },
    },
    log: memoryLog(),
    asked: AbortSignal.abort(),
    leaving: AbortSignal.abort(),
    overdue: AbortSignal.abort(),
  });
  await source.close();
  for (const cell of given?.events ?? []) cell[0]! += 3;
  return { given, figures: readCells(assignment.metrics) };
}

test('native code may put by itself where one memory channel is all there is behind a source, and counts what it puts', async () => {
  const channels = [1, 2].map(() => new MemoryChannel({ capacity: 10, transactionCapacity: 5 }));
  const [first, second] = channels.map(({ address }) => nativeAddress(address)) as [ChannelAddress, ChannelAddress];
  const { given, figures } = await directOf({ required: [first] });
  expect(given).toMatchObject({ channel: channels[0]!.address.id, transactionCapacity: 5 });
  expect(figures).toMatchObject({ received: 3, accepted: 3, rejected: 0 });

  expect((await directOf({ required: [first, second] })).given).toBeUndefined();
  expect((await directOf({ required: [first], optional: [second] })).given).toBeUndefined();
  const module = 'data:text/javascript,export const open = async () => ({ intercept() {}, async close() {} });';
  const interceptors = [{ id: 'i1', module, config: {} }];
  expect((await directOf({ required: [first], interceptors })).given).toBeUndefined();
  const durable = nativeAddress({ ...channels[0]!.address, durable: true });
  expect((await directOf({ required: [durable] })).given).toBeUndefined();
  for (const channel of channels) channel.close();
});
