import type { InterceptorContext, RunningInterceptor } from '@millrace/kernel/component';
import type { timestamp } from './spec.ts';

/** Sets the time at which events pass; those that pass together have the same. */
export async function open({ config }: InterceptorContext<typeof timestamp>): Promise<RunningInterceptor> {
  const { header, preserve } = config;
  return {
    intercept: (events) => events.setHeader(header, String(Date.now()), { preserve }),
    async close() {},
  };
}
