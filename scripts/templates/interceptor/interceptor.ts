import type { InterceptorContext, RunningInterceptor } from '@millrace/kernel/component';
import type { exampleInterceptor } from './spec.ts';

/** Marks what has a body. */
export async function open({ config }: InterceptorContext<typeof exampleInterceptor>): Promise<RunningInterceptor> {
  return {
    intercept(events) {
      events.keep((index) => events.bodyView(index).length > 0);
      events.setHeader(config.header, config.value);
    },

    async close() {},
  };
}
