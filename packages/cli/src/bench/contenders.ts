import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ChannelHost, CreateChannel } from '@millrace/kernel/channel';
import type { ChannelSpec } from '@millrace/kernel/spec';
import { registry } from '../agent/components.ts';

/** A type of channel with properties, as a configuration would name it. */
export interface Contender {
  readonly name: string;
  readonly type: string;
  /** Properties for a channel that keeps its files in a directory. */
  properties(directory: string): Readonly<Record<string, string>>;
}

/** Most events in one transaction: the largest batch that is measured. */
const TRANSACTION = '1000';
/** Events that fit a channel on disk; it bounds how much a growing backlog writes. */
export const DISK_EVENTS = 400_000;

const file = (name: string, more: Readonly<Record<string, string>> = {}): Contender => ({
  name,
  type: 'file',
  properties: (directory) => ({
    checkpointDir: join(directory, 'checkpoint'),
    dataDirs: join(directory, 'data'),
    capacity: String(DISK_EVENTS),
    transactionCapacity: TRANSACTION,
    minimumRequiredSpace: String(1 << 20),
    ...more,
  }),
});

/** Every channel that is measured where the program has it, from the fastest promise to the strongest. */
export const contenders = {
  memory: {
    name: 'memory',
    type: 'memory',
    properties: () => ({ capacity: '100000', transactionCapacity: TRANSACTION }),
  },
  fileInterval: file('file, sync every second', { fsyncPerTransaction: 'false', fsyncInterval: '1' }),
  file: file('file'),
  fileTakeSync: file('file, takeSync', { takeSync: 'true' }),
  jdbc: {
    name: 'jdbc',
    type: 'jdbc',
    properties: (directory: string) => ({ 'driver.url': `jdbc:sqlite:${join(directory, 'events.db')}` }),
  },
} as const satisfies Record<string, Contender>;

/** Those whose type is in the registry, or those of some types. Throws when there is none of a type. */
export function availableContenders(types?: readonly string[]): Contender[] {
  const all: Contender[] = Object.values(contenders).filter(({ type }) => registry.find('channel', type) !== undefined);
  if (types === undefined) return all;
  const missing = types.find((type) => !all.some((contender) => contender.type === type));
  if (missing === undefined) return all.filter(({ type }) => types.includes(type));
  const there = [...new Set(all.map(({ type }) => type))].join(', ');
  throw new Error(`There is no channel of type "${missing}" to measure: choose from ${there}.`);
}

/** Opens the channel of a contender as an agent would, with its files in a directory of its own. */
export async function openContender({ name, type, properties }: Contender, directory: string): Promise<ChannelHost> {
  const { spec, module } = registry.find('channel', type)!;
  const { create }: { create: CreateChannel } = await import(module.href);
  mkdirSync(directory, { recursive: true });
  return create(configOf(spec, properties(directory)), { id: `bench.channels.${name}`, log });
}

function configOf(spec: ChannelSpec, properties: Readonly<Record<string, string>>): Record<string, unknown> {
  const declared = Object.entries(spec.properties);
  const unknown = Object.keys(properties).filter((name) => !declared.some(([, property]) => property.name === name));
  if (unknown.length > 0) throw new Error(`The channel ${spec.type} has no property ${unknown.join(', ')}.`);
  return Object.fromEntries(declared.map(([key, { name, type }]) => [key, type.parse(properties[name])]));
}

const say = (fields: object, message: string) => {
  const { error } = fields as { error?: Error };
  process.stderr.write(`${message}${error === undefined ? '' : ` ${error.message}`}\n`);
};
const silent = () => {};
const log = { debug: silent, info: silent, warn: say, error: say };
