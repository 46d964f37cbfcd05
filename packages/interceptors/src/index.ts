import type { Registration } from '@millrace/kernel/config/plan-types';
import { staticHeader } from './static/spec.ts';

/** The interceptors of this package: what each is, and the module that a source's worker imports to run it. */
export const interceptors: readonly Registration[] = [
  { spec: staticHeader, module: new URL('./static/interceptor.js', import.meta.url) },
];
