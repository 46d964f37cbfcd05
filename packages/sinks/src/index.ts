import type { Registration } from '@millrace/kernel/config/plan-types';
import { logger } from './logger/spec.ts';
import { nullSink } from './null/spec.ts';

/** The sinks of this package: what each is, and the module that a worker imports to run it. */
export const sinks: readonly Registration[] = [
  { spec: logger, module: new URL('./logger/sink.js', import.meta.url) },
  { spec: nullSink, module: new URL('./null/sink.js', import.meta.url) },
];
