import { BatchBuilder, type MemoryChannelOptions } from '@millrace/channel-native';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PutPort } from '../channel.ts';
import { openDurable } from '../fixtures/durable.ts';
import {
  type Answered,
  acceptedIn,
  build,
  codeOf,
  emitterOver,
  openScratch,
  type Scratch,
  send,
  unitsOf,
} from '../fixtures/emitter.ts';

interface Limits {
  readonly capacity: number;
  readonly transactionCapacity: number;
  readonly slots: number;
}

const slotsOf = (unit: readonly string[]) =>
  unit.reduce((sum, body) => sum + Math.ceil(Math.max(1, body.length) / 100), 0);

/**
 * Whether the requests, put one after the other into a channel that nobody drains, would be told this, in one of the orders in which the
 * threads of their connections may run. Room only gets less, so it is best to place what was accepted as early as it can be, and what was
 * refused as late.
 */
function couldBeAlone(
  requests: readonly Answered[],
  before: { events: number; slots: number },
  limits: Limits,
): boolean {
  const used = { ...before };
  const left = requests.map((request) => unitsOf(request).map((unit, at) => ({ unit, failure: request.told[at] })));
  for (;;) {
    if (left.every((units) => units.length === 0)) return true;
    const next = left.find(([first]) => {
      if (first === undefined) return false;
      const { unit, failure } = first;
      const never = unit.length > limits.transactionCapacity || slotsOf(unit) > limits.slots;
      const fits = used.events + unit.length <= limits.capacity && used.slots + slotsOf(unit) <= limits.slots;
      if (failure === undefined) return fits;
      return codeOf(failure) === (never ? 'MR_CHANNEL_TOO_LARGE' : 'MR_CHANNEL_FULL') && (never || !fits);
    });
    if (next === undefined) return false;
    const { unit, failure } = next.shift()!;
    if (failure !== undefined) continue;
    used.events += unit.length;
    used.slots += slotsOf(unit);
  }
}

/** Up to five connections send something in the same turn of the event loop; then some of what is in the channel is taken. */
const steps = fc.array(
  fc.record({
    sent: fc.array(
      fc.record({
        each: fc.boolean(),
        sizes: fc.array(fc.integer({ min: 0, max: 250 }), { minLength: 1, maxLength: 7 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    taken: fc.integer({ min: 0, max: 12 }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Bodies that tell where they come from, of random lengths. */
function bodiesOf(step: number, connection: number, sizes: readonly number[]): string[] {
  return sizes.map((size, at) => `${step}.${connection}.${at} `.padEnd(size, 'x'));
}

const soon = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

type Open = (options: Partial<MemoryChannelOptions>) => Pick<Scratch, 'channel' | 'take'> & { readonly port: PutPort };
const places: readonly { readonly where: string; readonly open: Open; readonly numRuns: number }[] = [
  { where: 'in memory', open: openScratch, numRuns: 300 },
  { where: 'on a disk', open: (options) => openDurable(options, () => soon(Math.random() * 2)), numRuns: 100 },
];

test.for(places)(
  'requests that may share a transaction $where are told what each would be told alone',
  async ({ open, numRuns }) => {
    const limits = fc.record({
      capacity: fc.integer({ min: 1, max: 12 }),
      transactionCapacity: fc.integer({ min: 1, max: 12 }),
      slots: fc.integer({ min: 3, max: 16 }),
    });
    await fc.assert(
      fc.asyncProperty(limits, steps, fc.boolean(), async (wanted, plan, merge) => {
        const transactionCapacity = Math.min(wanted.transactionCapacity, wanted.capacity);
        const bounds = { ...wanted, transactionCapacity };
        const bytes = { byteCapacity: bounds.slots * 200, byteCapacityBufferPercentage: 50 };
        const scratch = open({ ...bounds, ...bytes });
        const emitter = emitterOver([scratch], [], merge);
        const queued: string[] = [];
        let total = 0;

        for (const [step, { sent, taken }] of plan.entries()) {
          const before = { events: queued.length, slots: slotsOf(queued) };
          const requests = sent.map(({ each, sizes }, at) => ({ each, bodies: bodiesOf(step, at, sizes) }));
          const answered = await Promise.all(requests.map((request) => send(emitter, request)));
          for (const request of answered) expect(request.told).toHaveLength(unitsOf(request).length);
          expect(couldBeAlone(answered, before, bounds), JSON.stringify(answered)).toBe(true);

          // What is there is what was accepted: each connection's events in their order, each transaction in one piece.
          const there = scratch.take();
          expect(there.splice(0, queued.length)).toEqual(queued);
          for (const request of answered) {
            for (const unit of acceptedIn(request)) {
              const at = there.indexOf(unit[0]!);
              expect(there.slice(at, at + unit.length)).toEqual(unit);
            }
            const mine = request.bodies.filter((body) => there.includes(body));
            expect(there.filter((body) => mine.includes(body))).toEqual(acceptedIn(request).flat());
          }
          expect(there).toHaveLength(answered.flatMap(acceptedIn).flat().length);
          queued.push(...there);
          queued.splice(0, taken);
          // It was all taken to look at it; what is still to be there is put back.
          for (const body of queued) {
            const putting = scratch.port.tryPut(build(new BatchBuilder(), [body]));
            expect(putting).not.toBe(false);
            await putting;
          }
          total += requests.flatMap(({ bodies }) => bodies).length;
        }
        const { received, accepted, rejected } = emitter.figures();
        expect(received).toBe(total);
        expect(accepted + rejected).toBe(total);
        scratch.channel.close();
      }),
      { numRuns },
    );
  },
);

test('of requests that share transactions, only those fail whose own commit fails, and each stays in order', async () => {
  const connections = fc.array(
    fc.array(fc.record({ each: fc.boolean(), bad: fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }) }), {
      maxLength: 6,
    }),
    { minLength: 1, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(connections, fc.integer({ min: 1, max: 3 }), async (plan, count) => {
      const commit = async (bodies: readonly string[]) => {
        await soon(Math.random() * 2);
        if (bodies.some((body) => body.endsWith('bad'))) throw new Error('disk full');
      };
      const durable = Array.from({ length: count }, () =>
        openDurable({ capacity: 1_000, transactionCapacity: 9 }, commit),
      );
      const required = [...durable, openScratch({ capacity: 1_000, transactionCapacity: 20 })];
      const emitter = emitterOver(required);
      const accepted = await Promise.all(
        plan.map(async (requests, connection) => {
          const bodies: string[] = [];
          for (const [number, { each, bad }] of requests.entries()) {
            const sent = bad.map((is, at) => `${connection}/${number}/${at}/${is ? 'bad' : 'good'}`);
            const answered = await send(emitter, { each, bodies: sent });
            const failing = unitsOf(answered).map((unit) => unit.some((body) => body.endsWith('bad')));
            expect(answered.told.map((failure) => failure?.message)).toEqual(
              failing.map((fails) => (fails ? 'disk full' : undefined)),
            );
            bodies.push(...acceptedIn(answered).flat());
          }
          return bodies;
        }),
      );
      for (const { channel, take } of required) {
        const there = take();
        expect(there).toHaveLength(accepted.flat().length);
        for (const [connection, bodies] of accepted.entries()) {
          expect(there.filter((body) => body.startsWith(`${connection}/`))).toEqual(bodies);
        }
        expect(channel.counters()).toMatchObject({ reserved: 0 });
        channel.close();
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('while room keeps coming nobody is refused, and every connection keeps its order', async () => {
  const scenario = fc.record({
    capacity: fc.integer({ min: 7, max: 20 }),
    connections: fc.array(
      fc.array(fc.record({ each: fc.boolean(), events: fc.integer({ min: 1, max: 7 }) }), { maxLength: 12 }),
      { minLength: 1, maxLength: 6 },
    ),
    takes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
    channels: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ capacity, connections, takes, channels: count }) => {
      const required = Array.from({ length: count }, (_, at) =>
        openScratch({ capacity: capacity + at, transactionCapacity: 7, keepAliveMs: 10_000 }),
      );
      const emitter = emitterOver(required);
      const taken: string[][] = required.map(() => []);
      let turn = 0;
      const sink = setInterval(() => {
        const at = turn % count;
        taken[at]!.push(...required[at]!.take(takes[turn % takes.length]));
        turn += 1;
      }, 0);

      const sent = await Promise.all(
        connections.map(async (requests, connection) => {
          const bodies: string[] = [];
          for (const [number, { each, events }] of requests.entries()) {
            const mine = Array.from({ length: events }, (_, at) => `${connection}/${number}/${at}`);
            bodies.push(...mine);
            const { told } = await send(emitter, { each, bodies: mine });
            expect(told).toEqual(told.map(() => undefined));
          }
          return bodies;
        }),
      );
      clearInterval(sink);
      for (const [at, scratch] of required.entries()) {
        taken[at]!.push(...scratch.take());
        expect(taken[at]).toHaveLength(sent.flat().length);
        for (const [connection, bodies] of sent.entries()) {
          expect(taken[at]!.filter((body) => body.startsWith(`${connection}/`))).toEqual(bodies);
        }
        scratch.channel.close();
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('what several channels hold is the same in each, also after one of them was full, and after it was closed', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 2 }),
      async (plan, closing, which) => {
        const required = [10, 6, 8].map((capacity) => openScratch({ capacity, transactionCapacity: 6 }));
        const emitter = emitterOver(required);
        const held: string[][] = required.map(() => []);
        const accepted: string[] = [];
        const collect = () => {
          for (const [at, { take }] of required.entries()) held[at]!.push(...take());
        };

        for (const [step, { sent, taken }] of plan.entries()) {
          const requests = sent.map(({ each, sizes }, at) => ({ each, bodies: bodiesOf(step, at, sizes) }));
          const answering = Promise.all(requests.map((request) => send(emitter, request)));
          if (step === closing) {
            // Also in the middle of what is being put.
            if (taken % 2 === 0) await new Promise(setImmediate);
            collect();
            required[which]!.channel.close();
          }
          const answered = await answering;
          for (const request of answered) expect(request.told).toHaveLength(unitsOf(request).length);
          if (step > closing) {
            const codes = new Set(answered.flatMap(({ told }) => told.map(codeOf)));
            expect([...codes].every((code) => code === 'MR_CHANNEL_CLOSED' || code === 'MR_CHANNEL_TOO_LARGE')).toBe(
              true,
            );
          }
          accepted.push(...answered.flatMap(acceptedIn).flat());
          if (step < closing) collect();
          else for (const [at, { take }] of required.entries()) if (at !== which) held[at]!.push(...take());
        }
        const stillOpen = held.filter((_, at) => at !== which || closing >= plan.length);
        for (const bodies of stillOpen) expect(bodies).toEqual(stillOpen[0]);
        expect(stillOpen[0]!.toSorted()).toEqual(accepted.toSorted());
        for (const { channel } of required) channel.close();
      },
    ),
    { numRuns: 100 },
  );
}, 60_000);
