import type { RunningSink, SinkContext } from '@millrace/kernel/component';
import type { nullSink } from './spec.ts';

export async function open({ config, log }: SinkContext<typeof nullSink>): Promise<RunningSink> {
  const every = config.logEveryEvents;
  let dropped = 0;
  let said = 0;

  function say(): void {
    said = dropped;
    log.info({ events: dropped }, 'Null sink: dropped events.');
  }

  return {
    batchSize: config.batchSize,

    deliver({ length }) {
      const before = Math.floor(dropped / every);
      dropped += length;
      if (Math.floor(dropped / every) > before) say();
    },

    async close() {
      if (said < dropped) say();
    },
  };
}
