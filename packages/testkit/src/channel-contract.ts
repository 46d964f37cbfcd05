import { type Batch, BatchBuilder, needOf, newOwner, reclaimOwner } from '@millrace/channel-native';
import { type ChannelHost, type ChannelPort, connectChannel, type Lease } from '@millrace/kernel/channel';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from './eventually.ts';

/** The limits with which a suite asks for a channel. */
export interface ChannelLimits {
  readonly capacity: number;
  readonly transactionCapacity: number;
  readonly keepAliveSeconds: number;
}

/** Opens an empty channel in the thread of the test. */
export type CreateScratch = (limits: ChannelLimits) => ChannelHost | Promise<ChannelHost>;

/** What a channel says when it refuses; a word that is not given is not looked for. */
export interface ChannelWords {
  readonly full?: string;
  /** About more than a transaction may hold, with a transactionCapacity of 10. */
  readonly tooLarge?: string;
}

/** One end of a channel, with what tests do to it. */
class End {
  readonly port: ChannelPort;
  readonly owner: number;
  readonly #builder = new BatchBuilder();

  constructor(port: ChannelPort, owner: number) {
    this.port = port;
    this.owner = owner;
  }

  batch(...bodies: readonly string[]): Batch {
    for (const body of bodies) this.#builder.append(body);
    return this.#builder.finish();
  }

  reserve(batch: Batch, waitMs = this.port.address.keepAliveMs) {
    return this.port.reserve(needOf(batch), { waitMs });
  }

  async put(...bodies: readonly string[]): Promise<void> {
    const batch = this.batch(...bodies);
    using reservation = await this.reserve(batch);
    reservation.fill(batch);
    await reservation.publish();
  }

  /** Puts if there is room now, and says whether there was. */
  async tryPut(batch: Batch): Promise<boolean> {
    const putting = this.port.tryPut(batch);
    if (typeof putting !== 'boolean') await putting;
    return putting !== false;
  }

  async take(max: number): Promise<Lease> {
    return this.port.take({ max, minEvents: 1, lingerMs: 0 });
  }

  /** Takes and removes what is there. */
  async drain(): Promise<string[]> {
    const bodies: string[] = [];
    for (let lease = await this.port.tryTake(1); lease !== undefined; lease = await this.port.tryTake(1)) {
      bodies.push(...bodiesOf(lease));
      await lease.commit();
    }
    return bodies;
  }
}

function bodiesOf({ batch }: Lease): string[] {
  return Array.from({ length: batch.length }, (_, at) => batch.bodyView(at).toString());
}

function expectLaw(channel: ChannelHost): void {
  const { put, committed, queued, leased } = channel.counters();
  expect(put).toBe(committed! + queued! + leased!);
}

const failsWith = (code: string) => expect.objectContaining({ code });

/** What every channel promises. Call it at the top of the channel's test file. */
export function channelContract(name: string, create: CreateScratch, words: ChannelWords = {}): void {
  async function open(limits: Partial<ChannelLimits> = {}) {
    const channel = await create({ capacity: 100, transactionCapacity: 10, keepAliveSeconds: 0, ...limits });
    onTestFinished(async () => void (await channel.close()));
    const connect = async () => {
      const owner = newOwner();
      onTestFinished(() => reclaimOwner(owner));
      return new End(await connectChannel(channel.address, owner), owner);
    };
    return { channel, connect, end: await connect() };
  }

  describe(`a ${name} channel`, () => {
    test('shows a put to nobody before it is published, and then whole', async () => {
      const { channel, end } = await open();
      const batch = end.batch('a', 'b', 'c');
      const reservation = await end.reserve(batch);
      reservation.fill(batch);
      expect(await end.port.tryTake(10)).toBeUndefined();
      expect(channel.counters()).toMatchObject({ put: 0, queued: 0 });
      await reservation.publish();
      expect(await end.drain()).toEqual(['a', 'b', 'c']);
    });

    test('hides a put that is committed until it is published, and forgets it when it is void instead', async () => {
      const { channel, end } = await open({ capacity: 6 });
      const batches = [end.batch('a', 'b', 'c'), end.batch('d', 'e', 'f')];
      const reservations = await Promise.all(batches.map((batch) => end.reserve(batch)));
      for (const [at, reservation] of reservations.entries()) reservation.fill(batches[at]!);
      await Promise.all(reservations.map((reservation) => reservation.commit?.()));
      expect(await end.port.tryTake(10)).toBeUndefined();
      expect(end.port.free()).toBe(0);
      reservations[0]!.void();
      await reservations[1]!.publish();
      expect(await end.drain()).toEqual(['d', 'e', 'f']);
      await eventually(() => end.port.free()).toBe(6);
      await eventually(() => channel.counters()).toMatchObject({ put: 3, committed: 3, reserved: 0, voided: 3 });
    });

    test('forgets a put that is given up, and has its room again', async () => {
      const { channel, end } = await open({ capacity: 3 });
      const batch = end.batch('a', 'b', 'c');
      const reservation = await end.reserve(batch);
      reservation.fill(batch);
      expect(end.port.free()).toBe(0);
      reservation.void();
      await eventually(() => end.port.free()).toBe(3);
      expect(await end.port.tryTake(10)).toBeUndefined();
      expect(channel.counters()).toMatchObject({ put: 0 });
    });

    test('gives events out in the order in which their puts were published', async () => {
      const { end, connect } = await open();
      const other = await connect();
      const early = end.batch('2', '3');
      const late = await end.reserve(early);
      await other.put('0', '1');
      late.fill(early);
      await late.publish();
      for (let next = 4; next < 40; next += 2) await (next % 4 === 0 ? end : other).put(String(next), String(next + 1));
      expect(await end.drain()).toEqual(Array.from({ length: 40 }, (_, at) => String(at)));
    });

    test('keeps headers and bodies as they are, whatever bytes they are', async () => {
      const { end } = await open();
      const builder = new BatchBuilder();
      const every = Uint8Array.from({ length: 256 }, (_, at) => at);
      builder.append(every, { '': '', näme: 'välue', 'with\nline': '\0' });
      builder.append(new Uint8Array(0));
      builder.append(new Uint8Array(100_000).fill(7), { host: 'h1' });
      const batch = builder.finish();
      expect(await end.tryPut(batch)).toBe(true);
      const got: [object, Uint8Array][] = [];
      while (got.length < 3) {
        using lease = await end.take(10);
        for (let at = 0; at < lease.batch.length; at += 1) got.push([lease.batch.headers(at), lease.batch.body(at)]);
        await lease.commit();
      }
      expect(got).toEqual([
        [{ '': '', näme: 'välue', 'with\nline': '\0' }, every],
        [{}, new Uint8Array(0)],
        [{ host: 'h1' }, new Uint8Array(100_000).fill(7)],
      ]);
    });

    test('hides what is taken, and removes it when the take commits', async () => {
      const { channel, end, connect } = await open();
      const other = await connect();
      await end.put('a', 'b', 'c');
      const lease = await end.take(2);
      expect(bodiesOf(lease)).toEqual(['a', 'b']);
      expect(channel.counters()).toMatchObject({ put: 3, queued: 1, leased: 2, committed: 0 });
      expect(await other.drain()).toEqual(['c']);
      await lease.commit();
      expect(channel.counters()).toMatchObject({ put: 3, queued: 0, leased: 0, committed: 3 });
    });

    test('puts what a take gives back into its old place, also among what others gave back', async () => {
      const { end, connect } = await open();
      const other = await connect();
      await end.put('0', '1', '2', '3', '4', '5');
      await end.put('6', '7');
      const leases = [await end.take(2), await other.take(2), await end.take(2)];
      expect(leases.flatMap(bodiesOf)).toEqual(['0', '1', '2', '3', '4', '5']);
      leases[2]!.rollback();
      leases[0]!.rollback();
      await leases[1]!.commit();
      expect(await other.drain()).toEqual(['0', '1', '4', '5', '6', '7']);
    });

    test('takes the end of a scope without a commit as a rollback, and a commit as final', async () => {
      const { channel, end } = await open();
      await end.put('a');
      {
        using lease = await end.take(1);
        expect(bodiesOf(lease)).toEqual(['a']);
      }
      {
        using lease = await end.take(1);
        await lease.commit();
      }
      await eventually(() => channel.counters()).toMatchObject({
        put: 1,
        taken: 2,
        rolledBack: 1,
        committed: 1,
        queued: 0,
      });
    });

    test('refuses at once what can never fit a transaction', async () => {
      const { end } = await open({ keepAliveSeconds: 10 });
      const batch = end.batch(...Array.from({ length: 11 }, String));
      expect(() => end.port.tryPut(batch)).toThrow(failsWith('MR_CHANNEL_TOO_LARGE'));
      await expect(end.reserve(batch)).rejects.toThrow(words.tooLarge);
      await expect(end.take(11)).rejects.toEqual(failsWith('MR_CHANNEL_TOO_LARGE'));
    });

    test('is full at its capacity, events of open takes included, and says so after the keep-alive', async () => {
      const { channel, end } = await open({ capacity: 4, keepAliveSeconds: 1 });
      await end.put('a', 'b', 'c');
      const lease = await end.take(2);
      const two = end.batch('d', 'e');
      expect(end.port.free()).toBe(1);
      expect(end.port.tryPut(two)).toBe(false);
      const began = performance.now();
      await expect(end.reserve(two)).rejects.toMatchObject({
        code: 'MR_CHANNEL_FULL',
        message: expect.stringContaining(words.full ?? ''),
      });
      expect(performance.now() - began).toBeGreaterThan(950);
      await lease.commit();
      expect(await end.tryPut(two)).toBe(true);
      expectLaw(channel);
    });

    test('lets puts wait for room, and serves them in the order in which they came', async () => {
      const { end, connect } = await open({ capacity: 3, transactionCapacity: 3, keepAliveSeconds: 10 });
      const other = await connect();
      await end.put('a', 'b', 'c');
      const order: string[] = [];
      const large = end.put('d', 'e').then(() => order.push('large'));
      const small = other.put('f').then(() => order.push('small'));
      expect(end.port.free()).toBe(0);
      const [first, second] = [await end.take(1), await end.take(2)];
      await first.commit();
      // There is room for the small one, but the large one came before it.
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(order).toEqual([]);
      await second.commit();
      await Promise.all([large, small]);
      expect(order).toEqual(['large', 'small']);
      expect(await end.drain()).toEqual(['d', 'e', 'f']);
    });

    test('lets takes wait for events', async () => {
      const { end, connect } = await open();
      const other = await connect();
      const taking = end.take(10);
      await other.put('a', 'b');
      using lease = await taking;
      expect(bodiesOf(lease)).toEqual(['a', 'b']);
      await lease.commit();
    });

    test('lets a take gather events, until there are enough or the first has lingered', async () => {
      const { end } = await open();
      const enough = Promise.resolve(end.port.take({ max: 10, minEvents: 3, lingerMs: 60_000 }));
      await end.put('a');
      await end.put('b');
      await end.put('c');
      await (await enough).commit();
      await end.drain();

      const lingering = Promise.resolve(end.port.take({ max: 10, minEvents: 3, lingerMs: 200 }));
      const began = performance.now();
      await end.put('d');
      using lease = await lingering;
      expect(performance.now() - began).toBeGreaterThan(180);
      expect(bodiesOf(lease)).toEqual(['d']);
      await lease.commit();
    });

    test('ends a wait that is cancelled, and that wait takes nothing any more', async () => {
      const { channel, end, connect } = await open();
      const other = await connect();
      const stop = new AbortController();
      const waiting = Promise.resolve(end.port.take({ max: 10, minEvents: 1, lingerMs: 0, signal: stop.signal }));
      setTimeout(() => stop.abort(), 10);
      await expect(waiting).rejects.toEqual(failsWith('MR_CHANNEL_CANCELLED'));
      await other.put('a');
      expect(channel.counters()).toMatchObject({ queued: 1, leased: 0 });

      // Granted and cancelled in the same moment: whoever asked is told that it was cancelled, and the event stays.
      await other.drain();
      const racing = new AbortController();
      const raced = Promise.resolve(end.port.take({ max: 10, minEvents: 1, lingerMs: 0, signal: racing.signal }));
      const putting = other.tryPut(other.batch('b'));
      racing.abort();
      await expect(raced).rejects.toEqual(failsWith('MR_CHANNEL_CANCELLED'));
      expect(await putting).toBe(true);
      expect(await other.drain()).toEqual(['b']);
    });

    test('ends every wait when it closes, refuses what is new, lets what is open be finished, and may be closed again', async () => {
      const { channel, end } = await open({ capacity: 1, transactionCapacity: 1, keepAliveSeconds: 10 });
      await end.put('a');
      const lease = await end.take(1);
      const waits = [end.put('b'), end.take(1)].map((wait) =>
        expect(wait).rejects.toEqual(failsWith('MR_CHANNEL_CLOSED')),
      );
      await channel.close();
      await Promise.all(waits);
      expect(() => end.port.tryPut(end.batch('c'))).toThrow(failsWith('MR_CHANNEL_CLOSED'));
      expect(bodiesOf(lease)).toEqual(['a']);
      await lease.commit();
      await channel.close();
    });

    test('gives back what the life of a worker left open, once that is over', async () => {
      const { channel, end, connect } = await open({ capacity: 4 });
      await end.put('a', 'b');
      const dead = await connect();
      await dead.take(1);
      const half = dead.batch('lost');
      (await dead.reserve(half)).fill(half);
      const late = await dead.take(1);
      expect(channel.counters()).toMatchObject({ queued: 0, leased: 2, reserved: 1 });
      reclaimOwner(dead.owner);
      await channel.reclaim?.(dead.owner);
      expect(channel.counters()).toMatchObject({ queued: 2, leased: 0, reserved: 0, reclaimed: 2, voided: 1 });
      await expect((async () => late.commit())()).rejects.toEqual(failsWith('MR_CHANNEL_STALE'));
      await end.put('c', 'd');
      expect(await end.drain()).toEqual(['a', 'b', 'c', 'd']);
      expectLaw(channel);
    });

    test('does what a list of events would do, through thousands of random steps', async () => {
      const { channel, connect } = await open({ capacity: 20, transactionCapacity: 6 });
      await randomWalk(channel, [await connect(), await connect(), await connect()]);
    });
  });
}

/** Random puts, takes, commits and rollbacks beside a naive model: what is queued, in order, and what each lease holds. */
async function randomWalk(channel: ChannelHost, ends: readonly End[]): Promise<void> {
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  let queued: number[] = [];
  const open: { readonly lease: Lease; readonly events: readonly number[] }[] = [];
  const used = () => queued.length + open.reduce((sum, { events }) => sum + events.length, 0);
  let next = 0;

  // A channel on a slow disk does fewer of them.
  const enoughAt = performance.now() + 6_000;
  for (let step = 0; step < 5_000 && performance.now() < enoughAt; step += 1) {
    const end = ends[random(ends.length)]!;
    const action = random(4);
    if (action === 0) {
      const events = Array.from({ length: 1 + random(6) }, (_, at) => next + at);
      const fits = used() + events.length <= 20;
      expect(await end.tryPut(end.batch(...events.map(String)))).toBe(fits);
      if (fits) queued.push(...events);
      if (fits) next += events.length;
    } else if (action === 1) {
      const lease = await end.port.tryTake(1 + random(6));
      expect(lease === undefined, `at step ${step} of ${end.owner}`).toBe(queued.length === 0);
      if (lease === undefined) continue;
      // How much of what fits a lease holds is the channel's choice; that it is the next in order is not.
      const events = queued.splice(0, lease.batch.length);
      expect(bodiesOf(lease).map(Number)).toEqual(events);
      open.push({ lease, events });
    } else if (open.length > 0) {
      const [{ lease, events }] = open.splice(random(open.length), 1) as [(typeof open)[number]];
      if (action === 2) await lease.commit();
      else {
        lease.rollback();
        queued = [...queued, ...events].sort((a, b) => a - b);
      }
    }
    const leased = open.reduce((sum, { events }) => sum + events.length, 0);
    await eventually(() => channel.counters()).toMatchObject({ queued: queued.length, leased, put: next });
    expectLaw(channel);
  }
  for (const { lease } of open) lease.rollback();
}
