import type { Registration } from '@millrace/kernel/config/plan-types';
import { netcat } from './netcat/spec.ts';
import { seq } from './seq/spec.ts';

/** The sources of this package: what each is, and the module that a worker imports to run it. */
export const sources: readonly Registration[] = [
  { spec: netcat, module: new URL('./netcat/source.js', import.meta.url) },
  { spec: seq, module: new URL('./seq/source.js', import.meta.url) },
];
