import type { Batch, RunningSink, SinkContext } from '@millrace/kernel/component';
import { writeAll } from '../shared/write-all.ts';
import { dumpEvent } from './dump.ts';
import type { logger } from './spec.ts';

const STDOUT = 1;
/** Events of one write. Flume takes one event in a transaction; more only share the write. */
const EVENTS_MAX = 100;

/** The lines are data, not log: they go to standard output, each event in Flume's form, and an event is delivered when it is written. */
export async function open({ config }: SinkContext<typeof logger>): Promise<RunningSink> {
  return {
    batchSize: EVENTS_MAX,

    async deliver(batch: Batch) {
      const time = timestamp(new Date());
      let lines = '';
      for (let index = 0; index < batch.length; index += 1) {
        const event = dumpEvent(batch.headers(index), batch.bodyView(index), config.bodyBytesMax);
        lines += `${time} INFO sink.LoggerSink: Event: ${event}\n`;
      }
      await writeAll(STDOUT, Buffer.from(lines));
    },

    async close() {},
  };
}

/** `12/06/19 15:32:34`, in local time, as the guide of Flume shows it. */
function timestamp(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const date = [at.getFullYear() % 100, at.getMonth() + 1, at.getDate()].map(two).join('/');
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}
