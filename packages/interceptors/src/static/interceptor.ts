import type { InterceptorContext, RunningInterceptor } from '@millrace/kernel/component';
import type { staticHeader } from './spec.ts';

/** Sets one header in every event. */
export async function open({ config }: InterceptorContext<typeof staticHeader>): Promise<RunningInterceptor> {
  const { name, value, preserve } = config;
  return {
    intercept: (events) => events.setHeader(name, value, { preserve }),
    async close() {},
  };
}
