import { type Batch, BatchBuilder, ChannelPort, MemoryChannel, Owner, reclaimOwner } from '@millrace/channel-native';
import { afterEach, expect, test, vi } from 'vitest';
import type { MetersOf } from '../component.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { type SinkMeters, sinkMetrics } from '../metrics/base.ts';
import { allocateCells, metersOver, readCells } from '../metrics/cells.ts';
import { runSink } from './sink.ts';

let owner: Owner | undefined;

afterEach(() => {
  owner?.leave();
  owner = undefined;
});

function setUp(
  deliver: (bodies: string[]) => void | Promise<void>,
  { lingerMs = 0, failurePauseMs = 5_000, durable = false } = {},
) {
  const channel = new MemoryChannel({ capacity: 10_000, transactionCapacity: 1_000, byteCapacity: 4 << 20 });
  owner = new Owner();
  const port = new ChannelPort(channel.address, owner);
  // What a channel over a log says; the rest is the same.
  if (durable) Object.defineProperty(port, 'durable', { value: true });
  const asked = new AbortController();
  const leaving = new AbortController();
  const overdue = new AbortController();
  const [cells] = allocateCells([Object.keys(sinkMetrics)]);
  const log = memoryLog();
  const builder = new BatchBuilder();
  const sink = {
    batchSize: 10,
    deliver: (batch: Batch) =>
      deliver(Array.from({ length: batch.length }, (_, at) => Buffer.from(batch.body(at)).toString())),
    async close() {},
  };
  return {
    asked,
    leaving,
    overdue,
    log,
    channel,
    figures: () => readCells(cells!),
    async put(...bodies: string[]) {
      for (const body of bodies) builder.append(body);
      await port.put(builder.finish());
    },
    run: () =>
      runSink(sink, port, {
        lingerMs,
        failurePauseMs,
        meters: metersOver(cells!) as MetersOf<SinkMeters>,
        log,
        asked: asked.signal,
        leaving: leaving.signal,
        overdue: overdue.signal,
      }),
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => String(at));

test('what is in the channel is delivered in order, at most a batch at a time, and then removed', async () => {
  const batches: string[][] = [];
  const { put, run, asked, channel, figures } = setUp((bodies) => {
    batches.push(bodies);
    if (batches.flat().length === 25) asked.abort();
  });
  await put(...numbers(25));
  await run();
  expect(batches.map(({ length }) => length)).toEqual([10, 10, 5]);
  expect(batches.flat()).toEqual(numbers(25));
  expect(figures()).toMatchObject({ taken: 25, delivered: 25, returned: 0, complete: 2, underflow: 1 });
  expect(channel.counters()).toMatchObject({ committed: 25, queued: 0, leased: 0 });
});

test.for(['throws', 'rejects'])(
  'a delivery that %s gives its events back, and after a pause they come again',
  async (how) => {
    const batches: string[][] = [];
    const { put, run, asked, figures, log } = setUp(
      (bodies) => {
        batches.push(bodies);
        if (batches.length > 1) return asked.abort();
        if (how === 'rejects') return Promise.reject(new Error('no peer'));
        throw new Error('no peer');
      },
      { failurePauseMs: 50 },
    );
    await put('a', 'b');
    const began = performance.now();
    await run();
    expect(performance.now() - began).toBeGreaterThan(45);
    expect(batches).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect(figures()).toMatchObject({ taken: 4, delivered: 2, returned: 2, deliverFailed: 1, takeFailed: 0 });
    expect(log.lines).toEqual([expect.stringContaining('Delivery failed')]);
  },
);

test('a delivery that fails while its events cannot be given back ends the life with its own error', async () => {
  const { put, run, figures, channel } = setUp(() => {
    reclaimOwner(owner!.id);
    throw new Error('no peer');
  });
  await put('a');
  await expect(run()).rejects.toThrow('no peer');
  expect(figures()).toMatchObject({ delivered: 0 });
  expect(channel.counters()).toMatchObject({ queued: 1, leased: 0 });
});

test('a stop ends the pause after a failure, and the drain tries once more', async () => {
  let attempts = 0;
  const { put, run, asked, figures } = setUp(() => {
    attempts += 1;
    if (attempts === 1) throw new Error('no peer');
  });
  await put('a');
  setTimeout(() => asked.abort(), 30);
  const began = performance.now();
  await run();
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(figures()).toMatchObject({ taken: 2, delivered: 1, returned: 1 });
});

test('a stop while nothing is there ends the wait', async () => {
  const { run, asked } = setUp(() => {});
  setTimeout(() => asked.abort(), 20);
  await run();
});

test('what is in the channel when the stop comes is still delivered', async () => {
  const { put, run, asked, figures } = setUp(() => {});
  await put(...numbers(95));
  asked.abort();
  await run();
  expect(figures()).toMatchObject({ taken: 95, delivered: 95, returned: 0 });
});

test('draining ends when it is overdue, and what is left was not taken from the channel', async () => {
  const { put, run, asked, overdue, channel } = setUp(() => {
    throw new Error('no peer');
  });
  await put('a');
  asked.abort();
  setTimeout(() => overdue.abort(), 50);
  await run();
  expect(channel.counters()).toMatchObject({ queued: 1, leased: 0 });
});

test('deliveries that never wait let the event loop turn', async () => {
  const { put, run, asked, figures } = setUp(() => {
    const until = performance.now() + 1;
    while (performance.now() < until);
  });
  await put(...numbers(1_000));
  let turned = 0;
  const turning = setInterval(() => {
    turned += 1;
  }, 1);
  setTimeout(() => asked.abort(), 30);
  await run();
  clearInterval(turning);
  expect(turned).toBeGreaterThan(3);
  expect(figures()).toMatchObject({ delivered: 1_000 });
});

test('a sink with a linger waits for a full batch, but not longer than that', async () => {
  const batches: number[] = [];
  const { put, run, asked } = setUp((bodies) => void batches.push(bodies.length), { lingerMs: 1_500 });
  const running = run();
  await put(...numbers(4));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(batches).toEqual([]);
  await put(...numbers(6));
  await vi.waitFor(() => expect(batches).toEqual([10]), 1_200);

  const began = performance.now();
  await put('late');
  await vi.waitFor(() => expect(batches).toEqual([10, 1]), 10_000);
  expect(performance.now() - began).toBeGreaterThan(1_480);
  asked.abort();
  await running;
});

test('what a durable channel keeps is not tried again and again while stopping', async () => {
  let tries = 0;
  const { put, run, asked, channel, log } = setUp(
    () => {
      tries += 1;
      asked.abort();
      throw new Error('nobody is there');
    },
    { durable: true },
  );
  await put('a', 'b');
  await run();
  expect(tries).toBe(1);
  expect(channel.counters()).toMatchObject({ queued: 2, leased: 0 });
  expect(log.lines).toEqual(['Delivery failed while stopping; the events stay in the channel for the next start.']);
});

test('a sink that is leaving finishes what it has taken and takes nothing more', async () => {
  const { put, run, asked, leaving, channel, figures } = setUp(() => {
    leaving.abort();
    asked.abort();
  });
  await put(...numbers(95));
  await run();
  expect(figures()).toMatchObject({ taken: 10, delivered: 10 });
  expect(channel.counters()).toMatchObject({ queued: 85, leased: 0 });
});

test('a delivery that fails while its sink is leaving gives the events back at once', async () => {
  const { put, run, asked, leaving, channel, log } = setUp(() => {
    leaving.abort();
    asked.abort();
    throw new Error('no peer');
  });
  await put('a', 'b');
  await run();
  expect(log.lines).toEqual(['Delivery failed while stopping; the events stay in the channel for the next start.']);
  expect(channel.counters()).toMatchObject({ queued: 2, leased: 0 });
});

test('a sink that is leaving gives up its wait, and its pause', async () => {
  const waiting = setUp(() => {});
  setTimeout(() => {
    waiting.leaving.abort();
    waiting.asked.abort();
  }, 20);
  await waiting.run();

  const { put, run, asked, leaving } = setUp(() => {
    setTimeout(() => {
      leaving.abort();
      asked.abort();
    }, 20);
    throw new Error('no peer');
  });
  await put('a');
  const began = performance.now();
  await run();
  expect(performance.now() - began).toBeLessThan(4_000);
});
