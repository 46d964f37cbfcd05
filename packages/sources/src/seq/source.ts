import type { PollingSource, SourceContext } from '@millrace/kernel/component';
import type { seq } from './spec.ts';

/** Counts up as long as the channels follow; a batch that a channel refused is made again with the same numbers. */
export async function open({ config, metrics, emit, builder }: SourceContext<typeof seq>): Promise<PollingSource> {
  let next = 0;

  return {
    backoff: { incrementMs: config.backoffIncrementMs, maxMs: config.backoffMaxMs },

    async poll() {
      const count = Math.min(config.batchSize, config.totalEvents - next);
      if (count <= 0) return 'backoff';
      await emit(builder.count(next, count));
      next += count;
      metrics.batches.add(1);
      return 'ready';
    },

    async close() {},
  };
}
