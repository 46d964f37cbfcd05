import type { Registration } from '@millrace/kernel/config/plan-types';
import { avro } from './avro/spec.ts';
import { netcat } from './netcat/spec.ts';
import { seq } from './seq/spec.ts';
import { syslogtcp } from './syslogtcp/spec.ts';
import { thrift } from './thrift/spec.ts';

/** The sources of this package: what each is, and the module that a worker imports to run it. */
export const sources: readonly Registration[] = [
  { spec: avro, module: new URL('./avro/source.js', import.meta.url) },
  { spec: netcat, module: new URL('./netcat/source.js', import.meta.url) },
  { spec: seq, module: new URL('./seq/source.js', import.meta.url) },
  { spec: syslogtcp, module: new URL('./syslogtcp/source.js', import.meta.url) },
  { spec: thrift, module: new URL('./thrift/source.js', import.meta.url) },
];
