import { expect, test } from 'vitest';
import { ScratchChannel } from './scratch-channel.ts';

test('a poisoned channel overwrites what was committed: a copy of a body outlives its lease, a view does not', async () => {
  using channel = new ScratchChannel({ poison: true });
  await channel.put('Hello world!');
  using lease = channel.port.tryTake()!;
  const [view, copy, batch] = [lease.batch.bodyView(0), lease.batch.body(0), lease.batch.copy()];
  lease.commit();
  expect(view.toString('latin1')).toBe('\xdb'.repeat(12));
  expect(Buffer.from(copy).toString()).toBe('Hello world!');
  expect(batch.bodyView(0).toString()).toBe('Hello world!');
});

test('a channel that is not poisoned leaves bytes alone, and what is put is taken with its headers', async () => {
  using channel = new ScratchChannel();
  await channel.put('a', { body: 'b', headers: { host: 'h1' } });
  expect(channel.take(1)).toEqual([{ headers: {}, body: 'a' }]);
  expect(channel.take()).toEqual([{ headers: { host: 'h1' }, body: 'b' }]);
  expect(channel.take()).toEqual([]);
});
