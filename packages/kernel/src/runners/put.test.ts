import { BatchBuilder, type MemoryChannelOptions } from '@millrace/channel-native';
import { expect, test } from 'vitest';
import type { PutPort } from '../channel.ts';
import { openDurable } from '../fixtures/durable.ts';
import { build, openScratch, type Scratch } from '../fixtures/emitter.ts';
import { OptionalChannel, RequiredChannels } from './put.ts';

const builder = new BatchBuilder();
const batch = (...bodies: string[]) => build(builder, bodies);
/** With the keep-alive of Flume. */
const open = (options: Partial<MemoryChannelOptions> = {}) => openScratch({ keepAliveMs: 3_000, ...options });

test('puts that wait for room in one of two channels get it, each in its turn', async () => {
  const [c1, c2] = [open({ capacity: 1, transactionCapacity: 1, keepAliveMs: 5_000 }), open()];
  const both = new RequiredChannels([c1.port, c2.port]);
  await both.put([batch('0')]);
  const puts = ['1', '2', '3', '4'].map((body) => both.put([batch(body)]));
  const taken: string[] = [];
  const began = performance.now();
  while (taken.length < 5) {
    taken.push(...c1.take());
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (performance.now() - began > 4_000) break;
  }
  expect(taken.toSorted()).toEqual(['0', '1', '2', '3', '4']);
  await Promise.all(puts);
  expect(c2.take()).toEqual(taken);
});

test('a put is in every channel or in none: one that is full keeps it out of the others', async () => {
  const [c1, c2, c3] = [open(), open({ capacity: 2, transactionCapacity: 2, keepAliveMs: 0 }), open()];
  const all = new RequiredChannels([c3.port, c1.port, c2.port]);
  expect(all.transactionCapacity).toBe(2);
  expect(all.free()).toBe(2);
  expect(all.tryPut([batch('a'), batch('b')])).toBe(true);
  expect(all.tryPut([batch('c')])).toBe(false);
  await expect(all.put([batch('d')])).rejects.toMatchObject({ code: 'MR_CHANNEL_FULL' });
  for (const { channel, take } of [c1, c2, c3]) {
    expect(channel.counters()).toMatchObject({ put: 2, queued: 2, reserved: 0 });
    expect(take()).toEqual(['a', 'b']);
  }
});

test('a put is in every channel or in none: one that is closed keeps it out of the others', async () => {
  const [c1, c2] = [open(), open()];
  const both = new RequiredChannels([c1.port, c2.port]);
  c2.channel.close();
  await expect(both.put([batch('a')])).rejects.toMatchObject({ code: 'MR_CHANNEL_CLOSED' });
  expect(() => both.tryPut([batch('b')])).toThrow('the channel is closed');
  expect(c1.channel.counters()).toMatchObject({ put: 0, reserved: 0 });
});

test('a put is in every channel or in none: one that closes while it is waited for keeps it out of the others', async () => {
  const [c1, c2] = [open(), open({ capacity: 1, transactionCapacity: 1, keepAliveMs: 5_000 })];
  const both = new RequiredChannels([c1.port, c2.port]);
  await both.put([batch('a')]);
  const put = both.put([batch('b')]);
  c2.channel.close();
  await expect(put).rejects.toMatchObject({ code: 'MR_CHANNEL_CLOSED' });
  expect(c1.channel.counters()).toMatchObject({ put: 1, reserved: 0 });
});

test('nothing is held in one channel while another is waited for', async () => {
  const [c1, c2] = [open({ capacity: 1, transactionCapacity: 1 }), open({ capacity: 1, transactionCapacity: 1 })];
  c2.port.tryPut(batch('0'));
  const waiting = new RequiredChannels([c1.port, c2.port]).put([batch('a')]);
  // The same, had the room been granted after a wait.
  const other = new RequiredChannels([c1.port]);
  expect(other.tryPut([batch('b')])).toBe(true);
  expect(c2.take()).toEqual(['0']);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(new RequiredChannels([c2.port]).tryPut([batch('c')])).toBe(true);
  expect(c1.take()).toEqual(['b']);
  expect(c2.take()).toEqual(['c']);
  await waiting;
  expect([...c1.take(), ...c2.take()]).toEqual(['a', 'a']);
});

test('a put that gets room in each of two channels and never in both is refused when its time is over', async () => {
  // Both take from one place.
  const { channel, port } = open({ capacity: 1, transactionCapacity: 1, keepAliveMs: 100 });
  const same: PutPort = {
    address: port.address,
    transactionCapacity: 1,
    free: () => port.free(),
    tryPut: (batch) => port.tryPut(batch),
    tryReserve: (need) => port.tryReserve(need),
    reserve: (need, options) => port.reserve(need, options),
  };
  const both = new RequiredChannels([port, same]);
  expect(both.tryPut([batch('a')])).toBe(false);
  const began = performance.now();
  await expect(both.put([batch('b')])).rejects.toMatchObject({ code: 'MR_CHANNEL_FULL' });
  expect(performance.now() - began).toBeGreaterThan(190);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(channel.counters()).toMatchObject({ put: 0, reserved: 0 });
});

test('each channel is waited for as long as its keep-alive, one after the other', async () => {
  const [c1, c2] = [0, 1].map(() => open({ capacity: 1, transactionCapacity: 1, keepAliveMs: 150 })) as [
    Scratch,
    Scratch,
  ];
  const both = new RequiredChannels([c1.port, c2.port]);
  await both.put([batch('0')]);
  const began = performance.now();
  const put = both.put([batch('a')]);
  setTimeout(() => c1.take(), 100);
  await expect(put).rejects.toMatchObject({ code: 'MR_CHANNEL_FULL' });
  expect(performance.now() - began).toBeGreaterThan(240);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(c1.channel.counters()).toMatchObject({ queued: 0, reserved: 0 });
});

/** A channel whose commits wait for the test to end them. */
function openWaiting() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const commits: (readonly string[])[] = [];
  const channel = openDurable({}, (bodies) => {
    commits.push(bodies);
    return promise;
  });
  return { ...channel, commits, resolve, reject };
}

const turn = () => new Promise(setImmediate);

test('a channel that needs the disk has a put when its commit is through, whatever is aborted meanwhile', async () => {
  const disk = openWaiting();
  const stop = new AbortController();
  const channels = new RequiredChannels([disk.port]);
  const puts = [
    channels.put([batch('a'), batch('b')], stop.signal),
    channels.tryPut([batch('c'), batch('d')]),
    channels.tryPut([batch('e')]),
  ];
  expect(disk.commits).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  stop.abort();
  await turn();
  expect(disk.take()).toEqual([]);
  disk.resolve();
  await Promise.all(puts);
  expect(disk.take()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('channels that can fail commit together, and nobody sees anything before all of them have', async () => {
  const [d1, memory, d2] = [openWaiting(), open(), openWaiting()];
  const putting = new RequiredChannels([d1.port, memory.port, d2.port]).tryPut([batch('a')]);
  expect([d1.commits, d2.commits]).toEqual([[['a']], [['a']]]);
  d2.resolve();
  await turn();
  for (const { take } of [d1, memory, d2]) expect(take()).toEqual([]);
  d1.resolve();
  await putting;
  expect([d1, memory, d2].map(({ take }) => take())).toEqual([['a'], ['a'], ['a']]);
});

test('a commit that fails keeps a put out of every channel, once none is under way any more', async () => {
  const [d1, memory, d2] = [openWaiting(), open(), openWaiting()];
  const outcome = new RequiredChannels([d1.port, memory.port, d2.port]).put([batch('a')]).catch((error) => error);
  d1.reject(new Error('disk full'));
  await turn();
  for (const { channel } of [d1, memory, d2]) expect(channel.counters()).toMatchObject({ reserved: 1 });
  d2.resolve();
  expect(await outcome).toEqual(new Error('disk full'));
  for (const { channel } of [d1, memory, d2]) expect(channel.counters()).toMatchObject({ put: 0, reserved: 0 });
});

test('an optional channel whose commit fails gets the transactions one by one', async () => {
  const channel = openDurable({}, async (bodies) => {
    if (bodies.includes('bad')) throw new Error('disk full');
  });
  const refused: [number, unknown][] = [];
  const optional = new OptionalChannel(channel.port, (events, error) => refused.push([events, error]));
  const units = ['a', 'bad', 'b'].map((body) => batch(body));
  await optional.put(units, units);
  expect(channel.take()).toEqual(['a', 'b']);
  expect(refused).toEqual([[1, new Error('disk full')]]);
});

test('what an optional channel refuses is told, event by event, and what it has is in order', async () => {
  const channel = open({ capacity: 3, transactionCapacity: 2, keepAliveMs: 0 });
  const refused: [number, unknown][] = [];
  const optional = new OptionalChannel(channel.port, (events, error) => refused.push([events, error]));
  const whole = batch('a', 'b', 'c', 'd', 'e');
  const units = ['a', 'b', 'c', 'd', 'e'].map((_, at) => whole.slice(at, at + 1));
  await optional.put([whole], units);
  expect(channel.take()).toEqual(['a', 'b', 'c']);
  expect(refused).toEqual([1, 1].map((events) => [events, expect.objectContaining({ code: 'MR_CHANNEL_FULL' })]));
});
