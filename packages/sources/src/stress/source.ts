import type { Batch, BatchBuilder, PollingSource, SourceContext } from '@millrace/kernel/component';
import { RateLimit } from './rate-limit.ts';
import type { stress } from './spec.ts';

/** The byte that bodies are made of, as in Flume. */
const FILLING = 0x7f;

/** Puts the same batch again and again. What a channel refuses is not tried again, and counts as an attempt. */
export async function open(context: SourceContext<typeof stress>): Promise<PollingSource> {
  const { config, emit, log, signal } = context;
  const batch = prepared(context.builder, config);
  const limit = config.eventsPerSecond > 0 ? new RateLimit(config.eventsPerSecond) : undefined;
  let tried = 0;
  let accepted = 0;

  return {
    backoff: { incrementMs: config.backoffIncrementMs, maxMs: config.backoffMaxMs },

    async poll() {
      const left = config.eventsMax < 0 ? Infinity : config.eventsMax - tried;
      if (left <= 0 || (config.acceptedMax >= 0 && accepted >= config.acceptedMax)) return 'backoff';
      const events = Math.min(config.batchSize, left);
      await limit?.take(events, signal);
      if (signal.aborted) return 'backoff';
      tried += events;
      try {
        await emit(batch.slice(0, events));
      } catch (error) {
        log.warn({ error, events }, 'A channel refused events.');
        return 'backoff';
      }
      accepted += events;
      return 'ready';
    },

    async close() {},
  };
}

/** A batch in memory of its own, which stays as it is however often it is put. */
function prepared(builder: BatchBuilder, { batchSize, bodyBytes }: SourceContext<typeof stress>['config']): Batch {
  const body = new Uint8Array(bodyBytes).fill(FILLING);
  for (let event = 0; event < batchSize; event += 1) builder.append(body);
  const built = builder.finish();
  const batch = built.copy();
  built.release();
  return batch;
}
