import type { InterceptorContext, RunningInterceptor } from '@millrace/kernel/component';
import { addressOfHost, nameOfAddress } from './local-host.ts';
import type { host } from './spec.ts';

/** Sets where events have passed. Where that cannot be found out, they pass as they are. */
export async function open({ config, log }: InterceptorContext<typeof host>): Promise<RunningInterceptor> {
  const { header, useAddress, preserve } = config;
  const here = await addressOfHost().then(
    (address) => (useAddress ? address : nameOfAddress(address)),
    (error: unknown) => {
      log.warn({ error }, `The name of this host has no address, so events get no header "${header}".`);
    },
  );
  return {
    intercept(events) {
      if (here !== undefined) events.setHeader(header, here, { preserve });
    },
    async close() {},
  };
}
