import type { Registration } from '@millrace/kernel/config/plan-types';
import { avro } from './avro/spec.ts';
import { fileRoll } from './file_roll/spec.ts';
import { logger } from './logger/spec.ts';
import { nullSink } from './null/spec.ts';
import { thrift } from './thrift/spec.ts';

/** The sinks of this package: what each is, and the module that a worker imports to run it. */
export const sinks: readonly Registration[] = [
  { spec: avro, module: new URL('./avro/sink.js', import.meta.url) },
  { spec: fileRoll, module: new URL('./file_roll/sink.js', import.meta.url) },
  { spec: logger, module: new URL('./logger/sink.js', import.meta.url) },
  { spec: nullSink, module: new URL('./null/sink.js', import.meta.url) },
  { spec: thrift, module: new URL('./thrift/sink.js', import.meta.url) },
];
