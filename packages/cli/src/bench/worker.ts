import { parentPort, workerData } from 'node:worker_threads';
import { type Batch, needOf } from '@millrace/channel-native';
import { type ChannelAddress, type ChannelPort, connectChannel } from '@millrace/kernel/channel';
import { add, buildPool, expectedSum } from './load.ts';

/** Where a worker finds a channel from now on, under an owner's number that is for this worker and this channel only. */
export interface Connection {
  readonly channel: ChannelKey;
  readonly address: ChannelAddress;
  readonly owner: number;
}

/** A channel's number among those that are measured. */
export type ChannelKey = number;

/** What a worker is asked to do with a channel it is connected to. */
export type Task = { readonly channel: ChannelKey; readonly batch: number } & (
  | { readonly role: 'put'; readonly inFlight: number; readonly forMs: number; readonly atMost: number }
  | {
      readonly role: 'take';
      /** Counts the events that were taken and committed. */
      readonly tally: Int32Array;
    }
);

/** What a worker has done. */
export interface Share {
  readonly batches: number;
  readonly events: number;
  /** The sum of the checksums of all events. */
  readonly sum: number;
  /** When the last of it was done, on the clock of the process. */
  readonly endedMs: number;
}

/** Tells the taker that everything is taken, or that the rest may be taken in pieces of any size. */
export type Order = 'stop' | 'hurry';

const ROOM_WITHIN_MS = 60_000;
const { seed } = workerData as { seed: number };
const ports = new Map<ChannelKey, ChannelPort>();
const pools = new Map<number, Batch[]>();
let stopping = new AbortController();
let hurrying = false;

parentPort!.on('message', async (message: Connection | Task | Order) => {
  if (message === 'stop') stopping.abort();
  else if (message === 'hurry') hurrying = true;
  else if ('role' in message) parentPort!.postMessage(await (message.role === 'put' ? put(message) : take(message)));
  else await connect(message);
});

async function connect({ channel, address, owner }: Connection): Promise<void> {
  ports.set(channel, await connectChannel(address, owner));
  parentPort!.postMessage('connected');
}

async function put({ channel, batch: events, inFlight, forMs, atMost }: Task & { role: 'put' }): Promise<Share> {
  const port = ports.get(channel)!;
  const pool = poolOf(events);
  const untilMs = performance.now() + forMs;
  let batches = 0;
  const flight = async () => {
    while (batches < atMost && performance.now() < untilMs) {
      const batch = pool[batches % pool.length]!;
      batches += 1;
      const putting = port.tryPut(batch);
      if (putting === true) continue;
      await (putting === false ? putLater(port, batch) : putting);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, flight));
  return { batches, events: batches * events, sum: expectedSum(pool, batches), endedMs: nowMs() };
}

async function putLater(port: ChannelPort, batch: Batch): Promise<void> {
  using room = await port.reserve(needOf(batch), { waitMs: ROOM_WITHIN_MS });
  room.fill(batch);
  await room.publish();
}

async function take({ channel, batch, tally }: Task & { role: 'take' }): Promise<Share> {
  const port = ports.get(channel)!;
  stopping = new AbortController();
  hurrying = false;
  const { signal } = stopping;
  const share = { batches: 0, events: 0, sum: 0, endedMs: 0 };
  try {
    for (;;) {
      const max = hurrying ? port.transactionCapacity : batch;
      const taking = port.take({ max, minEvents: 1, lingerMs: 0, signal });
      using lease = taking instanceof Promise ? await taking : taking;
      const { length } = lease.batch;
      share.sum = add(share.sum, lease.batch.checksum());
      const committing = lease.commit();
      if (committing !== undefined) await committing;
      share.batches += 1;
      share.events += length;
      share.endedMs = nowMs();
      Atomics.add(tally, 0, length);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return share;
  }
}

function poolOf(events: number): Batch[] {
  const pool = pools.get(events) ?? buildPool(events, seed);
  pools.set(events, pool);
  return pool;
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
