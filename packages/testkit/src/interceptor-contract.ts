import type { Registration } from '@millrace/kernel/config/plan-types';
import { describe, expect, test } from 'vitest';
import { watchHandles } from './handles.ts';
import { openInterceptor } from './open-interceptor.ts';
import { ScratchChannel, type TextEvent } from './scratch-channel.ts';
import type { Settings } from './settings.ts';

/** What an interceptor does to some events. */
export interface InterceptorExample {
  readonly settings?: Settings;
  readonly given: readonly TextEvent[];
  /** What reaches the channel. Values may be matchers of vitest where they are not always the same. */
  readonly passed: readonly TextEvent[];
}

/** More events than fit a block of memory. */
const MANY = 10_000;
/** So often something is left open that it cannot be taken for what the test itself has. */
const LIVES = 10;

/** What every interceptor promises. Call it at the top of the interceptor's test file, with at least one example for each thing it does. */
export function interceptorContract(registration: Registration, examples: readonly InterceptorExample[]): void {
  const named = examples.map((example) => [JSON.stringify(example.settings ?? {}), example] as const);
  describe.each(named)(`a ${registration.spec.type} interceptor with %s`, (_, { settings = {}, given, passed }) => {
    const open = (channel: ScratchChannel) => openInterceptor(registration, settings, channel);
    /** Says that these are the events that should pass, so many times; of thousands that are wrong only the first are shown. */
    const expectPassed = (events: readonly TextEvent[], times: number) => {
      for (let at = 0; at < times; at += 1) {
        expect(events.slice(at * passed.length, (at + 1) * passed.length)).toEqual(passed);
      }
      expect(events).toHaveLength(times * passed.length);
    };

    test('lets pass what it should, as it should, and accounts for the rest', async () => {
      using channel = new ScratchChannel();
      await using interceptor = await open(channel);
      await interceptor.send(given);
      expect(channel.take()).toEqual(passed);
      expect(interceptor.figures()).toMatchObject({
        received: given.length,
        accepted: passed.length,
        filtered: given.length - passed.length,
        rejected: 0,
      });
    });

    test('does to an event what it does, whatever comes with it', async () => {
      using channel = new ScratchChannel();
      await using interceptor = await open(channel);
      await Promise.all(given.map((event) => interceptor.send([event])));
      expect(channel.take()).toEqual(passed);
    });

    test('tells every sender that its event is accepted, also where it drops it', async () => {
      using channel = new ScratchChannel();
      await using interceptor = await open(channel);
      expect(await interceptor.sendEach(given)).toEqual(given.map(() => 'accepted'));
      expect(channel.take()).toEqual(passed);
    });

    test('lets nothing pass as nothing, and many events in their order', async () => {
      const times = Math.ceil(MANY / given.length);
      const capacity = MANY + given.length;
      using channel = new ScratchChannel({ capacity, transactionCapacity: capacity });
      await using interceptor = await open(channel);
      await interceptor.send([]);
      await interceptor.send(Array.from({ length: times }, () => given).flat());
      await interceptor.send([]);
      expectPassed(channel.take(), times);
    });

    test('keeps what passed as it was, however long the channel has no room for it', async () => {
      const [capacity, times] = [Math.max(1, passed.length), 50];
      using channel = new ScratchChannel({
        capacity,
        transactionCapacity: capacity,
        keepAliveMs: 10_000,
        poison: true,
      });
      await using interceptor = await open(channel);
      const sent = Promise.all(Array.from({ length: times }, () => interceptor.send(given)));
      const taken: TextEvent[] = [];
      const sink = setInterval(() => taken.push(...channel.take()), 1);
      await sent.finally(() => clearInterval(sink));
      expectPassed([...taken, ...channel.take()], times);
    });

    test('closes every handle it opened', async () => {
      const atRest = watchHandles();
      for (let life = 0; life < LIVES; life += 1) {
        using channel = new ScratchChannel();
        await using interceptor = await open(channel);
        await interceptor.send(given);
      }
      await atRest();
    });
  });
}
