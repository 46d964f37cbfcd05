import { BatchBuilder } from '@millrace/channel-native';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Events } from '../component.ts';
import { build, codeOf, emitterOver, openScratch, send } from '../fixtures/emitter.ts';
import { Chain } from './chain.ts';

type Intercept = (events: Events) => Promise<void> | void;

/** Interceptors, with the memory they write to. */
function chainOf(...intercepts: readonly Intercept[]) {
  const builder = new BatchBuilder();
  const links = intercepts.map((intercept, at) => ({ id: `i${at}`, interceptor: { intercept, async close() {} } }));
  return { chain: new Chain(links, builder), builder };
}

/** An emitter behind interceptors, over a channel. */
function stage(capacity: number, ...intercepts: readonly Intercept[]) {
  const scratch = openScratch({ capacity, transactionCapacity: capacity });
  const { chain, builder } = chainOf(...intercepts);
  return { scratch, written: builder, emitter: emitterOver([scratch], [], true, {}, chain) };
}

const bodyOf = (events: Events, index: number) => events.bodyView(index).toString();
/** Drops events whose bodies begin with this. */
const dropping =
  (what: string): Intercept =>
  (events) =>
    events.keep((index) => !bodyOf(events, index).startsWith(what));
/** Fails at events whose bodies begin with `fail`. */
const failing: Intercept = (events) => {
  for (let index = 0; index < events.length; index += 1) {
    if (bodyOf(events, index).startsWith('fail')) throw new Error(`no: ${bodyOf(events, index)}`);
  }
};
const soon = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 2));
const slow =
  (intercept: Intercept): Intercept =>
  async (events) => {
    await soon();
    await intercept(events);
  };

test('each outcome is told of its event, also where some were dropped or could not pass', async () => {
  const { emitter, scratch } = stage(3, dropping('drop'), failing);
  const told: (string | undefined)[] = [];
  const bodies = ['drop 0', 'a', 'drop 1', 'fail 0', 'b', 'drop 2', 'drop 3', 'c', 'd', 'drop 4'];
  await emitter.emitEach(build(emitter.builder, bodies), (accepted, failure) => {
    for (let event = 0; event < accepted; event += 1) told.push('ok');
    if (failure !== undefined) told.push(codeOf(failure));
  });
  expect(scratch.take()).toEqual(['a', 'b', 'c']);
  const expected = ['ok', 'ok', 'ok', 'MR_COMPONENT_FAILED', 'ok', 'ok', 'ok', 'ok', 'MR_CHANNEL_FULL', 'ok'];
  expect(told).toEqual(expected);
  expect(emitter.figures()).toMatchObject({ received: 10, accepted: 3, rejected: 2, filtered: 5 });
});

test('what an interceptor throws refuses the whole transaction with its cause, is logged, and nothing else suffers', async () => {
  const { emitter, scratch } = stage(10, failing);
  const failure = await emitter.emit(build(emitter.builder, ['a', 'fail 1', 'b'])).catch((error) => error);
  expect(failure).toMatchObject({ code: 'MR_COMPONENT_FAILED', cause: { message: 'no: fail 1' } });
  expect(failure.message).toContain('Interceptor i0 cannot let events pass: no: fail 1');
  expect(emitter.log.lines).toEqual(['An interceptor failed, and the events are refused.']);
  await emitter.emit(build(emitter.builder, ['c']));
  expect(scratch.take()).toEqual(['c']);
  expect(emitter.figures()).toMatchObject({ received: 4, accepted: 1, rejected: 3, filtered: 0, processingFailed: 1 });
});

test('a source that insists is told of what cannot pass, and the rest is put', async () => {
  const { emitter, scratch } = stage(2, dropping('drop'), failing);
  const refused: (string | undefined)[] = [];
  const bodies = ['fail 1', 'a', 'drop', 'b', 'fail 2', 'c'];
  const taken: string[] = [];
  const sink = setInterval(() => taken.push(...scratch.take(1)), 5);
  await emitter.emitAll(build(emitter.builder, bodies), (failure) => refused.push(codeOf(failure)));
  clearInterval(sink);
  expect([...taken, ...scratch.take()]).toEqual(['a', 'b', 'c']);
  expect(refused).toEqual(['MR_COMPONENT_FAILED', 'MR_COMPONENT_FAILED']);
  expect(emitter.figures()).toMatchObject({ received: 6, accepted: 3, rejected: 2, filtered: 1 });
});

test('what waits for an interceptor keeps its place, and those behind it are shown to it meanwhile', async () => {
  const waits: PromiseWithResolvers<void>[] = [];
  const { emitter, scratch } = stage(10, async (events) => {
    const wait = Promise.withResolvers<void>();
    waits.push(wait);
    await wait.promise;
    events.keep((index) => bodyOf(events, index) !== 'drop');
  });
  const sent = ['a', 'b', 'c'].map((body) => emitter.emit(build(emitter.builder, [body, 'drop'])));
  expect(waits).toHaveLength(3);
  for (const wait of waits.toReversed()) wait.resolve();
  await Promise.all(sent);
  expect(scratch.take()).toEqual(['a', 'b', 'c']);
  await emitter.emit(build(emitter.builder, []));
  expect(waits).toHaveLength(3);
});

test('what need not wait for an interceptor does not overtake what must', async () => {
  const wait = Promise.withResolvers<void>();
  const { emitter, scratch } = stage(10, (events) => (bodyOf(events, 0) === 'slow' ? wait.promise : undefined));
  const sent = ['slow', 'quick'].map((body) => emitter.emit(build(emitter.builder, [body])));
  await new Promise(setImmediate);
  expect(scratch.take()).toEqual([]);
  wait.resolve();
  await Promise.all(sent);
  expect(scratch.take()).toEqual(['slow', 'quick']);
});

test('behind an interceptor that drops everything nothing is called', async () => {
  let called = 0;
  const { emitter } = stage(10, dropping(''), () => {
    called += 1;
  });
  await emitter.emit(build(emitter.builder, ['a', 'b']));
  expect(called).toBe(0);
  expect(emitter.figures()).toMatchObject({ received: 2, accepted: 0, rejected: 0, filtered: 2 });
});

/** What an interceptor of the law does, as itself and as its model. */
interface Step {
  readonly intercept: Intercept;
  readonly model: (events: readonly Modelled[]) => readonly Modelled[];
}

interface Modelled {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const edited = (change: (headers: Record<string, string>) => void) => (events: readonly Modelled[]) =>
  events.map(({ body, headers }) => {
    const changed = { ...headers };
    change(changed);
    return { body, headers: changed };
  });

const step = fc.oneof(
  fc.record({ name: fc.constantFrom('a', 'b', '__proto__'), value: fc.string(), preserve: fc.boolean() }).map(
    ({ name, value, preserve }): Step => ({
      intercept: (events) => events.setHeader(name, value, { preserve }),
      model: edited((headers) => {
        if (preserve && Object.hasOwn(headers, name)) return;
        Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
      }),
    }),
  ),
  fc.constantFrom('a', 'b').map(
    (name): Step => ({
      intercept: (events) => events.removeHeader(name),
      model: edited((headers) => {
        delete headers[name];
      }),
    }),
  ),
  fc.constantFrom('1', '2').map(
    (letter): Step => ({
      intercept: dropping(letter),
      model: (events) => events.filter(({ body }) => !body.startsWith(letter)),
    }),
  ),
  fc.constant<Step>({
    intercept: (events) => events.keep((index) => events.headers(index)['a'] !== undefined),
    model: (events) => events.filter(({ headers }) => headers['a'] !== undefined),
  }),
  fc.constant<Step>({
    intercept: (events) =>
      events.map(({ headers, body }) =>
        body[0] === 0x33 ? undefined : { headers: { ...headers, b: 'made' }, body: `${Buffer.from(body)}!` },
      ),
    model: (events) =>
      events
        .filter(({ body }) => !body.startsWith('3'))
        .map(({ headers, body }) => ({ headers: { ...headers, b: 'made' }, body: `${body}!` })),
  }),
  fc.constant<Step>({
    intercept: failing,
    model: (events) => {
      if (events.some(({ body }) => body.startsWith('fail'))) throw new Error('fail');
      return events;
    },
  }),
);

const requests = fc.array(
  fc.record({
    each: fc.boolean(),
    bodies: fc.array(fc.constantFrom('0', '1', '2', '3', 'fail', ''), { maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 5 },
);

test('whatever interceptors do, outcomes, figures and the channel agree with doing it event by event', async () => {
  const steps = fc.array(fc.tuple(step, fc.boolean()), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(steps, requests, fc.integer({ min: 1, max: 20 }), async (chosen, sent, capacity) => {
      const { scratch, emitter, written } = stage(
        capacity,
        ...chosen.map(([{ intercept }, waits]) => (waits ? slow(intercept) : intercept)),
      );
      // Each event has a number behind its letter, so that it can be told from others.
      let numbered = 0;
      const named = sent.map(({ each, bodies }) => ({ each, bodies: bodies.map((body) => `${body} ${numbered++}`) }));
      const answered = await Promise.all(named.map((request) => send(emitter, request)));

      const there: Modelled[] = [];
      for (let lease = scratch.port.tryTake(capacity); lease; lease = scratch.port.tryTake(capacity)) {
        for (let at = 0; at < lease.batch.length; at += 1) {
          there.push({ body: lease.batch.bodyView(at).toString(), headers: lease.batch.headers(at) });
        }
        lease.commit();
      }
      const expected = { received: numbered, accepted: there.length, rejected: 0, filtered: 0 };
      const left: Modelled[] = [];
      for (const { each, bodies, told } of answered) {
        const units = each ? bodies.map((body) => [body]) : [bodies];
        expect(told).toHaveLength(units.length);
        for (const [at, unit] of units.entries()) {
          const outcome = codeOf(told[at]);
          const passed = passedBy(chosen, unit);
          if (passed === undefined) expect(outcome).toBe('MR_COMPONENT_FAILED');
          else expect([undefined, 'MR_CHANNEL_FULL', 'MR_CHANNEL_TOO_LARGE']).toContain(outcome);
          if (passed?.length === 0) expect(outcome).toBeUndefined();
          if (outcome === undefined) left.push(...passed!);
          else expected.rejected += passed?.length ?? unit.length;
          expected.filtered += unit.length - (passed?.length ?? unit.length);
        }
      }
      const numberOf = ({ body }: Modelled) => Number.parseInt(body.split(' ')[1]!, 10);
      const byNumber = (events: readonly Modelled[]) => events.toSorted((a, b) => numberOf(a) - numberOf(b));
      expect(byNumber(there)).toEqual(left);
      for (const { bodies } of answered) {
        const mine = (events: readonly Modelled[]) =>
          events.map(({ body }) => body.replace(/!+$/, '')).filter((body) => bodies.includes(body));
        expect(mine(there)).toEqual(mine(left));
      }
      expect(emitter.figures()).toMatchObject(expected);
      expect([emitter.builder.block.pins, written.block.pins]).toEqual([0, 0]);
      scratch.channel.close();
    }),
    { numRuns: 500 },
  );
});

/** What the models let pass of events that are one transaction; undefined when one of them fails. */
function passedBy(steps: readonly (readonly [Step, boolean])[], bodies: readonly string[]) {
  try {
    const events: readonly Modelled[] = bodies.map((body) => ({ body, headers: {} }));
    return steps.reduce((passing, [{ model }]) => model(passing), events);
  } catch {
    return undefined;
  }
}
