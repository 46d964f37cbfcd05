import type { Batch } from '@millrace/channel-native';
import type { EachOutcome, Meter } from '../component.ts';
import { createEmitter, type Emitter, type EmitterOptions } from '../runners/emitter.ts';
import type { InterceptorAssignment } from '../worker/protocol.ts';
import { type Chain, openChain, type Passed } from './chain.ts';

/** What became of one event of a batch in the interceptors: it is left, or was dropped, or could not pass. */
type Fate = 'left' | 'dropped' | Error;

/** What is left of a batch of which each event is a request of its own. */
interface Sifted {
  readonly left: Batch;
  /** The fate of each event; undefined when all are left. */
  readonly fates: readonly Fate[] | undefined;
}

/** Opens the interceptors of a source, and puts them in front of an emitter. To be closed when the source is. */
export async function openIntercepted(
  assignments: readonly InterceptorAssignment[],
  options: EmitterOptions,
): Promise<{ readonly emitter: Emitter; close(): Promise<void> }> {
  const { log, signal = new AbortController().signal } = options;
  const chain = await openChain(assignments, { log, signal });
  return { emitter: interceptedEmitter(chain, options), close: () => chain.close() };
}

/** What nobody looks at. */
const nobodys: Meter = { cell: new Float64Array(1), add() {} };

/**
 * An emitter with interceptors in front of it. They see each request as its source emits it, before requests share transactions: so each
 * gets the answer it would have had alone, whatever an interceptor thinks of the others.
 */
export function interceptedEmitter(chain: Chain, options: EmitterOptions): Emitter {
  const { metrics, log } = options;
  // What is received is counted here, before anything is dropped.
  const emitter = createEmitter({ ...options, metrics: { ...metrics, received: nobodys } });
  /** How many requests wait for an interceptor, and when the last of them has passed. */
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** Puts what has passed, at once or, as long as something waits in front of it, in its turn. */
  function inTurn<Result>(passing: Result | Promise<Result>, put: (passed: Result) => Promise<void>): Promise<void> {
    if (waiting === 0 && !(passing instanceof Promise)) return put(passing);
    waiting += 1;
    const turn = Promise.allSettled([passing, last]);
    // Without what it resolves to, or each would hold all before it.
    last = turn.then(() => {});
    return turn.then(([passed]) => {
      waiting -= 1;
      if (passed.status === 'rejected') throw passed.reason;
      return put(passed.value);
    });
  }

  function countRefused(events: number, error: unknown): Error {
    metrics.rejected.add(events);
    metrics.processingFailed.add(1);
    log.error({ error, events }, 'An interceptor failed, and the events are refused.');
    return error as Error;
  }

  function pass(batch: Batch): Passed | Promise<Passed> {
    const refuse = (error: unknown): never => {
      const { length } = batch;
      batch.release();
      throw countRefused(length, error);
    };
    try {
      const passing = chain.pass(batch);
      return passing instanceof Promise ? passing.catch(refuse) : passing;
    } catch (error) {
      return Promise.reject(error).catch(refuse);
    }
  }

  function sift(batch: Batch): Sifted | Promise<Sifted> {
    const { length } = batch;
    const sifted = ({ batch: left, origins }: Passed): Sifted => ({
      left,
      fates: origins && fatesOf(length, origins),
    });
    try {
      const passing = chain.pass(batch);
      return passing instanceof Promise ? passing.then(sifted, () => siftEach(batch)) : sifted(passing);
    } catch {
      // Which of them cannot pass shows when they go one by one.
      return siftEach(batch);
    }
  }

  async function siftEach(batch: Batch): Promise<Sifted> {
    const left: Batch[] = [];
    const fates: Fate[] = [];
    for (let at = 0; at < batch.length; at += 1) {
      try {
        const { batch: passed } = await chain.pass(batch.slice(at, at + 1));
        fates.push(passed.length > 0 ? 'left' : 'dropped');
        left.push(passed);
      } catch (error) {
        fates.push(countRefused(1, error));
      }
    }
    const joined = chain.join(left);
    batch.release();
    return { left: joined, fates };
  }

  /** Lets events pass that are each a request, and puts what is left of them. */
  function putSifted(batch: Batch, put: (sifted: Sifted) => Promise<void>): Promise<void> {
    metrics.received.add(batch.length);
    if (batch.length === 0) return put({ left: batch, fates: undefined });
    return inTurn(sift(batch), (sifted) => {
      if (sifted.fates !== undefined) metrics.filtered.add(sifted.fates.filter((fate) => fate === 'dropped').length);
      return put(sifted);
    });
  }

  return {
    ...emitter,
    emit(batch) {
      const { length } = batch;
      metrics.received.add(length);
      if (length === 0) return emitter.emit(batch);
      return inTurn(pass(batch), ({ batch: left }) => {
        metrics.filtered.add(length - left.length);
        return emitter.emit(left);
      });
    },
    emitEach: (batch, outcome) =>
      putSifted(batch, ({ left, fates }) => {
        if (fates === undefined) return emitter.emitEach(left, outcome);
        const story = new Story(fates, outcome);
        return emitter.emitEach(left, (accepted, failure) => story.goOn(accepted, failure));
      }),
    emitAll: (batch, refused) =>
      putSifted(batch, ({ left, fates = [] }) => {
        for (const fate of fates) if (fate instanceof Error) refused(fate);
        return emitter.emitAll(left, refused);
      }),
  };
}

function fatesOf(length: number, origins: readonly number[]): Fate[] {
  const fates = new Array<Fate>(length).fill('dropped');
  for (const origin of origins) fates[origin] = 'left';
  return fates;
}

/** Tells the outcomes of all events in order, as those of the ones that were left become known. */
class Story {
  readonly #fates: readonly Fate[];
  readonly #tell: EachOutcome;
  /** The event that comes next, and how many in front of it are accepted and not told yet. */
  #next = 0;
  #accepted = 0;

  constructor(fates: readonly Fate[], tell: EachOutcome) {
    this.#fates = fates;
    this.#tell = tell;
    this.#passOthers();
    this.goOn(0, undefined);
  }

  /** Of the events that were left so many more are accepted, and the one behind them has failed. */
  goOn(accepted: number, failure: Error | undefined): void {
    for (let event = 0; event < accepted; event += 1) {
      this.#accepted += 1;
      this.#toNext();
    }
    if (failure !== undefined) {
      this.#refuse(failure);
      this.#toNext();
    }
    if (this.#accepted > 0) this.#tell(this.#accepted, undefined);
    this.#accepted = 0;
  }

  #toNext(): void {
    this.#next += 1;
    this.#passOthers();
  }

  #passOthers(): void {
    for (; this.#next < this.#fates.length; this.#next += 1) {
      const fate = this.#fates[this.#next]!;
      if (fate === 'left') return;
      if (fate === 'dropped') this.#accepted += 1;
      else this.#refuse(fate);
    }
  }

  #refuse(failure: Error): void {
    this.#tell(this.#accepted, failure);
    this.#accepted = 0;
  }
}
