import type { Registration } from '@millrace/kernel/config/plan-types';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { watchHandles } from './handles.ts';
import { openSink } from './open.ts';
import { ScratchChannel } from './scratch-channel.ts';
import type { Settings } from './settings.ts';

/** The other end of a sink: what it delivers to. */
export interface SinkPeer extends AsyncDisposable {
  /** Settings that lead the sink to this peer. */
  readonly settings: Settings;
  /** The bodies that have arrived, in their order, since it was asked the last time. */
  received(): Promise<readonly string[]>;
  /** From now on, until `mend`, no delivery succeeds. */
  fail(): Promise<void>;
  mend(): Promise<void>;
}

export interface SinkContractOptions {
  /** Settings of a sink that delivers to nobody. */
  readonly settings?: Settings;
  /** Starts what the sink delivers to. Without it what arrives is not looked at. */
  readonly peer?: () => Promise<SinkPeer>;
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `event ${from + at}`);

/** What every sink promises. Call it at the top of the sink's test file. */
export function sinkContract(
  registration: Registration,
  { settings = {}, peer: startPeer }: SinkContractOptions = {},
): void {
  describe(`a ${registration.spec.type} sink`, () => {
    let peer: SinkPeer | undefined;
    beforeAll(async () => {
      peer = await startPeer?.();
    });
    afterAll(() => peer?.[Symbol.asyncDispose]());

    const open = (channel: ScratchChannel) => openSink(registration, { ...settings, ...peer?.settings }, channel);

    test('delivers what is in the channel once and in order, and accounts for it', async () => {
      using channel = new ScratchChannel({ poison: true });
      await channel.put(...numbered(0, 700));
      await using sink = await open(channel);
      await channel.put(...numbered(700, 1_000));
      await sink.stop();
      expect(sink.figures()).toMatchObject({ taken: 1_000, delivered: 1_000, returned: 0 });
      expect(channel.counters()).toMatchObject({ put: 1_000, committed: 1_000, queued: 0, leased: 0 });
      if (peer) expect(await peer.received()).toEqual(numbered(0, 1_000));
    });

    test('delivers events that come while it waits', async () => {
      using channel = new ScratchChannel();
      await using sink = await open(channel);
      for (const body of numbered(0, 5)) {
        const { committed } = channel.counters();
        await channel.put(body);
        await eventually(() => channel.counters().committed).toBe(committed + 1);
      }
      await sink.stop();
      if (peer) expect(await peer.received()).toEqual(numbered(0, 5));
    });

    test('has read a batch to its end before its delivery settles', async () => {
      // The channel overwrites what is committed, and then uses the memory again at once.
      using channel = new ScratchChannel({ poison: true, capacity: 64, keepAliveMs: 5_000 });
      await using sink = await open(channel);
      for (let from = 0; from < 1_000; from += 20) await channel.put(...numbered(from, from + 20));
      await sink.stop();
      expect(sink.figures()).toMatchObject({ delivered: 1_000 });
      if (peer) expect(await peer.received()).toEqual(numbered(0, 1_000));
    });

    if (startPeer !== undefined)
      test('gets the same events again, in order, after a delivery that failed', async () => {
        using channel = new ScratchChannel({ poison: true });
        await peer!.fail();
        await using sink = await open(channel);
        await channel.put(...numbered(0, 30));
        await eventually(() => sink.figures()['returned']).toBeGreaterThan(30);
        await channel.put(...numbered(30, 60));
        expect(channel.counters()).toMatchObject({ committed: 0 });
        await peer!.mend();
        await eventually(() => channel.counters().committed).toBe(60);
        await sink.stop();
        const { taken, delivered, returned } = sink.figures();
        expect(delivered).toBe(60);
        expect(taken).toBe(delivered! + returned!);
        // What a failed delivery had already written comes twice; nothing is missing, and nothing new comes before the old.
        expect([...new Set(await peer!.received())]).toEqual(numbered(0, 60));
      });

    test('closes every handle it opened', async () => {
      const atRest = watchHandles();
      {
        using channel = new ScratchChannel();
        await channel.put('one');
        await using sink = await open(channel);
        await sink.stop();
      }
      await atRest();
      await peer?.received();
    });

    test('delivers from a channel whose transactions are smaller than its batches', async () => {
      using channel = new ScratchChannel({ transactionCapacity: 2 });
      for (let from = 0; from < 10; from += 2) await channel.put(...numbered(from, from + 2));
      await using sink = await open(channel);
      await eventually(() => channel.counters().committed).toBe(10);
      await sink.stop();
      if (peer) expect(await peer.received()).toEqual(numbered(0, 10));
    });
  });
}
