import { interceptors } from '@millrace/interceptors';
import { file } from '@millrace/kernel/channels/file/spec';
import { jdbc } from '@millrace/kernel/channels/jdbc/spec';
import { memory } from '@millrace/kernel/channels/memory/spec';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { createRegistry } from '@millrace/kernel/config/registry';
import { sinks } from '@millrace/sinks';
import { sources } from '@millrace/sources';

/** Every component that a configuration may name. */
export const registrations: readonly Registration[] = [
  ...sources,
  ...interceptors,
  ...sinks,
  { spec: file, module: new URL(import.meta.resolve('@millrace/kernel/channels/file/channel')) },
  { spec: jdbc, module: new URL(import.meta.resolve('@millrace/kernel/channels/jdbc/channel')) },
  { spec: memory, module: new URL(import.meta.resolve('@millrace/kernel/channels/memory/channel')) },
];

/** {@link registrations}, found by type or class name. */
export const registry = createRegistry(registrations);
