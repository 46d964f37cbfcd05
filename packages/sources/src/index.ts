import type { Registration } from '@millrace/kernel/config/plan-types';
import { avro } from './avro/spec.ts';
import { exec } from './exec/spec.ts';
import { multiport_syslogtcp } from './multiport_syslogtcp/spec.ts';
import { netcat } from './netcat/spec.ts';
import { netcatudp } from './netcatudp/spec.ts';
import { seq } from './seq/spec.ts';
import { stress } from './stress/spec.ts';
import { syslogtcp } from './syslogtcp/spec.ts';
import { syslogudp } from './syslogudp/spec.ts';
import { thrift } from './thrift/spec.ts';

/** The sources of this package: what each is, and the module that a worker imports to run it. */
export const sources: readonly Registration[] = [
  { spec: avro, module: new URL('./avro/source.js', import.meta.url) },
  { spec: exec, module: new URL('./exec/source.js', import.meta.url) },
  { spec: multiport_syslogtcp, module: new URL('./multiport_syslogtcp/source.js', import.meta.url) },
  { spec: netcat, module: new URL('./netcat/source.js', import.meta.url) },
  { spec: netcatudp, module: new URL('./netcatudp/source.js', import.meta.url) },
  { spec: seq, module: new URL('./seq/source.js', import.meta.url) },
  { spec: stress, module: new URL('./stress/source.js', import.meta.url) },
  { spec: syslogtcp, module: new URL('./syslogtcp/source.js', import.meta.url) },
  { spec: syslogudp, module: new URL('./syslogudp/source.js', import.meta.url) },
  { spec: thrift, module: new URL('./thrift/source.js', import.meta.url) },
];
