import type { Registration } from '@millrace/kernel/config/plan-types';
import { fileRoll } from './file_roll/spec.ts';
import { logger } from './logger/spec.ts';
import { nullSink } from './null/spec.ts';

/** The sinks of this package: what each is, and the module that a worker imports to run it. */
export const sinks: readonly Registration[] = [
  { spec: fileRoll, module: new URL('./file_roll/sink.js', import.meta.url) },
  { spec: logger, module: new URL('./logger/sink.js', import.meta.url) },
  { spec: nullSink, module: new URL('./null/sink.js', import.meta.url) },
];
