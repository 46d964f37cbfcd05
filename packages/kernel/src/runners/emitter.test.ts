import { BatchBuilder } from '@millrace/channel-native';
import { expect, test, vi } from 'vitest';
import { openDurable } from '../fixtures/durable.ts';
import { build, codeOf, emitterOver, openScratch, send } from '../fixtures/emitter.ts';

test('a channel that closes leaves no request unanswered', async () => {
  const scratch = openScratch({ capacity: 2, transactionCapacity: 2, keepAliveMs: 60_000 });
  const emitter = emitterOver([scratch]);
  const sent = Array.from({ length: 10 }, (_, at) => send(emitter, { each: at % 2 === 0, bodies: ['a', 'b'] }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  scratch.channel.close();
  const told = (await Promise.all(sent)).flatMap((answered) => answered.told.map(codeOf));
  expect(told).toEqual([undefined, undefined, ...Array.from({ length: 13 }, () => 'MR_CHANNEL_CLOSED')]);
  expect(emitter.figures()).toMatchObject({ received: 20, accepted: 2, rejected: 18 });
});

test('a stop refuses at once who waits for room, and says so', async () => {
  const scratch = openScratch({ capacity: 2, transactionCapacity: 2, keepAliveMs: 60_000 });
  const stop = new AbortController();
  const emitter = emitterOver([scratch], [], true, { signal: stop.signal });
  const sent = Array.from({ length: 4 }, (_, at) => send(emitter, { each: at % 2 === 0, bodies: ['a', 'b'] }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  const told = (await Promise.all(sent)).flatMap((answered) => answered.told.map((failure) => failure?.message));
  const stopping = expect.stringContaining('The agent is stopping');
  expect(told).toEqual([undefined, undefined, stopping, stopping, stopping, stopping]);
  expect(emitter.figures()).toMatchObject({ received: 8, accepted: 2, rejected: 6 });
});

test('what waits for room behind the event that a stop refuses is refused with it', async () => {
  const scratch = openScratch({ capacity: 1, transactionCapacity: 1, keepAliveMs: 60_000 });
  const waits = vi.spyOn(scratch.port, 'reserve');
  const stop = new AbortController();
  const emitter = emitterOver([scratch], [], true, { signal: stop.signal });
  const sent = send(emitter, { each: true, bodies: Array.from({ length: 1_000 }, () => 'a') });
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  const stopping = (await sent).told.filter((failure) => failure?.message.includes('The agent is stopping'));
  expect(stopping).toHaveLength(999);
  expect(waits).toHaveBeenCalledTimes(1);
  expect(emitter.figures()).toMatchObject({ received: 1_000, accepted: 1, rejected: 999 });
});

test('requests that come in one turn of the event loop are one transaction, and without merging each is its own', async () => {
  for (const [merge, tries] of [
    [true, 1],
    [false, 30],
  ] as const) {
    const scratch = openScratch({ capacity: 100, transactionCapacity: 100 });
    const tryPut = vi.spyOn(scratch.port, 'tryPut');
    const emitter = emitterOver([scratch], [], merge);
    await Promise.all(Array.from({ length: 30 }, () => send(emitter, { each: true, bodies: ['a', 'b'] })));
    expect(tryPut).toHaveBeenCalledTimes(tries);
    expect(scratch.take()).toHaveLength(60);
  }
});

test('without merging, what fits is put and counted at once, and the rest waits or is refused as ever', async () => {
  const scratch = openScratch({ capacity: 3, transactionCapacity: 2, keepAliveMs: 10_000 });
  const emitter = emitterOver([scratch], [], false);
  const emit = (...bodies: string[]) => emitter.emit(build(emitter.builder, bodies));
  const sent = [emit('a', 'b'), emit('c', 'd'), emit('e')];
  expect(emitter.figures()).toMatchObject({ received: 5, accepted: 2 });
  await expect(emit('f', 'g', 'h')).rejects.toMatchObject({ code: 'MR_CHANNEL_TOO_LARGE' });
  expect(scratch.take()).toEqual(['a', 'b']);
  await Promise.all(sent);
  expect(scratch.take()).toEqual(['c', 'd', 'e']);
  expect(emitter.figures()).toMatchObject({ received: 8, accepted: 5, rejected: 3 });
  expect(build(emitter.builder, ['i']).start).toBe(0);
});

test('no transaction is larger than the channels allow', async () => {
  const scratch = openScratch({ capacity: 100, transactionCapacity: 7 });
  const tryPut = vi.spyOn(scratch.port, 'tryPut');
  const emitter = emitterOver([scratch]);
  expect(emitter.transactionCapacity).toBe(7);
  await Promise.all(Array.from({ length: 10 }, () => send(emitter, { each: false, bodies: ['a', 'b', 'c'] })));
  expect(tryPut).toHaveBeenCalledTimes(5);
  expect(scratch.take().join('')).toBe('abc'.repeat(10));
});

test('memory in which batches were built is used again when all of them are answered', async () => {
  const emitter = emitterOver([openScratch({ capacity: 2, transactionCapacity: 2 })]);
  const first = build(emitter.builder, ['a']);
  const second = build(emitter.builder, ['b', 'c']);
  expect(second.start).toBeGreaterThan(0);
  const answered = Promise.all([emitter.emit(first), emitter.emitEach(second, () => {})]);
  await answered;
  const third = build(emitter.builder, ['d']);
  expect(third.start).toBe(0);
  await expect(emitter.emit(third)).rejects.toThrow();
  expect(build(emitter.builder, ['e']).start).toBe(0);
});

test('nothing to put is answered at once', async () => {
  const emitter = emitterOver([openScratch()]);
  await emitter.emit(emitter.builder.finish());
  await emitter.emitEach(emitter.builder.finish(), () => expect.unreachable());
});

test.for([true, false])(
  'an optional channel gets what the required ones accepted and what it has room for, and refuses in silence (merging: %s)',
  async (merge) => {
    const [required, optional] = [openScratch({ capacity: 10 }), openScratch({ capacity: 4, transactionCapacity: 4 })];
    const emitter = emitterOver([required], [optional], merge);
    const answered = await Promise.all([
      send(emitter, { each: true, bodies: ['1', '2', '3'] }),
      send(emitter, { each: false, bodies: ['4', '5'] }),
      send(emitter, { each: true, bodies: ['6'] }),
      send(emitter, { each: false, bodies: ['7', '8', '9', '10', '11'] }),
    ]);
    expect(answered.map(({ told }) => told.map(codeOf))).toEqual([
      [undefined, undefined, undefined],
      [undefined],
      [undefined],
      ['MR_CHANNEL_FULL'],
    ]);
    expect(required.take()).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(optional.take()).toEqual(['1', '2', '3', '6']);
    expect(emitter.log.lines).toEqual(['An optional channel refused events.']);
    expect(emitter.figures()).toMatchObject({ accepted: 6, rejected: 5 });
  },
);

test('an optional channel with small transactions gets as much as if nothing had been merged', async () => {
  const [required, optional] = [
    openScratch({ capacity: 100, transactionCapacity: 100 }),
    openScratch({ capacity: 100, transactionCapacity: 2 }),
  ];
  const emitter = emitterOver([required], [optional]);
  await Promise.all(
    Array.from({ length: 20 }, (_, at) => send(emitter, { each: at % 2 === 0, bodies: [`${at}`, `${at}`] })),
  );
  expect(optional.take()).toEqual(required.take());
});

test('an optional channel that is full or closed delays nobody beyond its keep-alive, and answers stay in order', async () => {
  const [required, full, closed] = [
    openScratch({ capacity: 100 }),
    openScratch({ capacity: 1, transactionCapacity: 1, keepAliveMs: 1_000 }),
    openScratch(),
  ];
  full.port.tryPut(build(new BatchBuilder(), ['in the way']));
  closed.channel.close();
  const emitter = emitterOver([required], [full, closed]);
  const order: number[] = [];
  const began = performance.now();
  const sending: Promise<unknown>[] = [];
  for (let number = 0; number < 6; number += 1) {
    sending.push(send(emitter, { each: number % 2 === 0, bodies: ['a'] }).then(() => order.push(number)));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(sending);
  expect(performance.now() - began).toBeLessThan(4_000); // six of them, one after the other, would be six seconds
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(required.take()).toHaveLength(6);
});

test('with optional channels alone, everything is accepted', async () => {
  const optional = openScratch({ capacity: 1, transactionCapacity: 1 });
  const emitter = emitterOver([], [optional]);
  expect((await send(emitter, { each: true, bodies: ['a', 'b'] })).told).toEqual([undefined, undefined]);
  expect(optional.take()).toEqual(['a']);
});

/** A channel whose commits the test ends one by one. */
function openWaiting() {
  const commits: { readonly bodies: readonly string[]; end(failure?: Error): void }[] = [];
  const channel = openDurable({ capacity: 1_000, transactionCapacity: 10 }, (bodies) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    commits.push({ bodies, end: (failure) => (failure === undefined ? resolve() : reject(failure)) });
    return promise;
  });
  return { ...channel, commits };
}

const turn = () => new Promise(setImmediate);

test('what comes while many commits are in flight gathers, and goes as one transaction when one of them is done', async () => {
  const disk = openWaiting();
  const emitter = emitterOver([disk]);
  const sent: Promise<unknown>[] = [];
  for (let request = 0; request < 20; request += 1) {
    sent.push(send(emitter, { each: request % 2 === 0, bodies: [`${request}`] }));
    await turn();
  }
  const bodies = () => disk.commits.map((commit) => commit.bodies.join(' '));
  expect(bodies()).toEqual(Array.from({ length: 16 }, (_, at) => String(at)));
  disk.commits[3]!.end();
  await turn();
  expect(bodies().slice(16)).toEqual(['16 17 18 19']);
  for (const commit of disk.commits) commit.end();
  await Promise.all(sent);
  expect(disk.take()).toHaveLength(20);
  expect(emitter.figures()).toMatchObject({ received: 20, accepted: 20 });
});

test('without merging, what gathers while many commits are in flight stays apart', async () => {
  const disk = openWaiting();
  const emitter = emitterOver([disk], [], false);
  const sent = Array.from({ length: 18 }, (_, at) => send(emitter, { each: true, bodies: [`${at}`] }));
  expect(disk.commits).toHaveLength(16);
  for (let at = 0; at < 18; at += 1) {
    disk.commits[at]!.end();
    await turn();
  }
  await Promise.all(sent);
  expect(disk.commits.map(({ bodies }) => bodies)).toEqual(Array.from({ length: 18 }, (_, at) => [String(at)]));
});

test('a request that is cut waits for each part, and a part that fails goes in before the next', async () => {
  const disk = openWaiting();
  const emitter = emitterOver([disk]);
  const bodies = Array.from({ length: 12 }, (_, at) => String(at));
  const sent = send(emitter, { each: true, bodies });
  const other = send(emitter, { each: false, bodies: ['other'] });
  await turn();
  expect(disk.commits.map((commit) => commit.bodies.length)).toEqual([10, 1]);
  disk.commits[0]!.end(new Error('disk full'));
  disk.commits[1]!.end();
  await other;
  for (let at = 2; at < disk.commits.length; at += 1) {
    disk.commits[at]!.end();
    await turn();
    await turn();
  }
  expect((await sent).told).toEqual(bodies.map(() => undefined));
  expect(disk.take()).toEqual(['other', ...bodies]);
});

test('a transaction of one request that fails is not tried again', async () => {
  const disk = openWaiting();
  const emitter = emitterOver([disk]);
  const sent = [send(emitter, { each: false, bodies: ['a', 'b'] })];
  await turn();
  sent.push(send(emitter, { each: true, bodies: ['c'] }));
  await turn();
  for (const commit of disk.commits) commit.end(new Error('disk full'));
  const told = (await Promise.all(sent)).flatMap((answered) => answered.told);
  expect(told).toEqual([new Error('disk full'), new Error('disk full')]);
  expect(disk.commits).toHaveLength(2);
  expect(emitter.figures()).toMatchObject({ received: 3, rejected: 3 });
  expect(disk.channel.counters()).toMatchObject({ put: 0, reserved: 0 });
});

test('a stop lets what is being committed be finished', async () => {
  const disk = openWaiting();
  const stop = new AbortController();
  const emitter = emitterOver([disk], [], true, { signal: stop.signal });
  const sent = send(emitter, { each: false, bodies: ['a'] });
  await turn();
  stop.abort();
  disk.commits[0]!.end();
  expect((await sent).told).toEqual([undefined]);
  expect(disk.take()).toEqual(['a']);
});

test('what insists is put in order as room comes, counts once, and gives up only what can never fit', async () => {
  const scratch = openScratch({ capacity: 2, transactionCapacity: 2, byteCapacity: 1_000 });
  const emitter = emitterOver([scratch]);
  const refused: unknown[] = [];
  const bodies = ['a', 'b', 'c', 'x'.repeat(2_000), 'd', 'e'];
  const put = emitter.emitAll(build(emitter.builder, bodies), (failure) => refused.push(codeOf(failure)));
  const taken: string[] = [];
  const sink = setInterval(() => taken.push(...scratch.take(1)), 20);
  await put;
  clearInterval(sink);
  taken.push(...scratch.take());
  expect(taken).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(refused).toEqual(['MR_CHANNEL_TOO_LARGE']);
  expect(emitter.figures()).toMatchObject({ received: 6, accepted: 5, rejected: 1 });
});

test.for([0, 60_000])(
  'what insists waits on when its source is asked to stop, and is refused when the time for that is over (keep-alive %i ms)',
  async (keepAliveMs) => {
    const [stop, late] = [new AbortController(), new AbortController()];
    const scratch = openScratch({ capacity: 1, transactionCapacity: 1, keepAliveMs });
    const emitter = emitterOver([scratch], [], true, { signal: stop.signal, overdue: late.signal });
    const refused: string[] = [];
    const put = emitter.emitAll(build(emitter.builder, ['a', 'b', 'c', 'd']), ({ message }) => refused.push(message));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    const taken: string[] = [];
    while (taken.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      taken.push(...scratch.take());
    }
    await vi.waitFor(() => expect(emitter.figures()).toMatchObject({ accepted: 3, rejected: 0 }), 10_000);
    late.abort();
    await put;
    expect([...taken, ...scratch.take()]).toEqual(['a', 'b', 'c']);
    expect(refused).toEqual([expect.stringContaining('The agent is stopping')]);
    expect(emitter.figures()).toMatchObject({ received: 4, accepted: 3, rejected: 1 });
  },
);
