import { type Batch, BatchBuilder } from '@millrace/channel-native';
import type { InterceptorContext, RunningInterceptor } from '../component.ts';
import { MillraceError } from '../errors.ts';
import type { Spec } from '../spec.ts';
import type { InterceptorAssignment } from '../worker/protocol.ts';
import { Passing } from './passing.ts';

/** What is left of a batch behind all interceptors. */
export interface Passed {
  readonly batch: Batch;
  /** Which events of the batch in front of them these are; undefined when they are all of it. */
  readonly origins: readonly number[] | undefined;
}

interface Link {
  readonly id: string;
  readonly interceptor: RunningInterceptor;
}

/** The interceptors of a source, one after the other. */
export class Chain {
  readonly #links: readonly Link[];
  readonly #builder: BatchBuilder;

  constructor(links: readonly Link[], builder = new BatchBuilder()) {
    this.#links = links;
    this.#builder = builder;
  }

  /**
   * Lets a batch pass. It belongs to the result from then on: either it is the result's batch, or it was released. Where an interceptor
   * fails, throws that with its name, and the batch is as it was.
   */
  pass(batch: Batch): Passed | Promise<Passed> {
    const passing = new Passing(batch, this.#builder);
    for (let at = 0; at < this.#links.length && passing.length > 0; at += 1) {
      const link = this.#links[at]!;
      try {
        const intercepting = link.interceptor.intercept(passing);
        if (intercepting !== undefined) return this.#passOn(passing, at, intercepting);
      } catch (error) {
        throw gaveUp(passing, link, error);
      }
    }
    return passedAll(passing);
  }

  /** The rest of the way from an interceptor on that takes its time. */
  async #passOn(passing: Passing, from: number, intercepting: Promise<void>): Promise<Passed> {
    for (let at = from; at < this.#links.length && passing.length > 0; at += 1) {
      const link = this.#links[at]!;
      try {
        await (at === from ? intercepting : link.interceptor.intercept(passing));
      } catch (error) {
        throw gaveUp(passing, link, error);
      }
    }
    return passedAll(passing);
  }

  /** These batches as one. */
  join(batches: readonly Batch[]): Batch {
    for (const batch of batches) {
      for (let at = 0; at < batch.length; at += 1) this.#builder.append(batch.bodyView(at), batch.headers(at));
      batch.release();
    }
    return this.#builder.finish();
  }

  async close(): Promise<void> {
    const closings = await Promise.allSettled(this.#links.map(async ({ interceptor }) => interceptor.close()));
    for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
  }
}

function passedAll(passing: Passing): Passed {
  const batch = passing.changed();
  passing.end(true);
  return { batch, origins: passing.origins };
}

function gaveUp(passing: Passing, { id }: Link, error: unknown): MillraceError {
  passing.end(false);
  const why = error instanceof Error ? error.message : String(error);
  return new MillraceError('MR_COMPONENT_FAILED', `Interceptor ${id} cannot let events pass: ${why}`, { cause: error });
}

/** Opens the interceptors of a source in their order; where one cannot be opened, those before it are closed again. */
export async function openChain(
  assignments: readonly InterceptorAssignment[],
  context: Pick<InterceptorContext<Spec>, 'log' | 'signal'>,
): Promise<Chain> {
  const links: Link[] = [];
  try {
    for (const { id, module, config } of assignments) {
      const { open } = await import(module);
      if (typeof open !== 'function') {
        throw new MillraceError('MR_COMPONENT_FAILED', `${module} does not export \`open\`.`);
      }
      links.push({ id, interceptor: await open({ id, config, ...context }) });
    }
    return new Chain(links);
  } catch (error) {
    await new Chain(links).close();
    throw error;
  }
}
