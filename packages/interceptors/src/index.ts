import type { Registration } from '@millrace/kernel/config/plan-types';
import { host } from './host/spec.ts';
import { removeHeader } from './remove_header/spec.ts';
import { staticHeader } from './static/spec.ts';
import { timestamp } from './timestamp/spec.ts';

/** The interceptors of this package: what each is, and the module that a source's worker imports to run it. */
export const interceptors: readonly Registration[] = [
  { spec: host, module: new URL('./host/interceptor.js', import.meta.url) },
  { spec: removeHeader, module: new URL('./remove_header/interceptor.js', import.meta.url) },
  { spec: staticHeader, module: new URL('./static/interceptor.js', import.meta.url) },
  { spec: timestamp, module: new URL('./timestamp/interceptor.js', import.meta.url) },
];
