import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadConfiguration } from '@millrace/kernel/config/load';
import type { AgentTree } from '@millrace/kernel/config/tree';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { registrations, registry } from '../agent/components.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const schema = JSON.parse(readFileSync(`${root}/docs/reference/schema.json`, 'utf8'));
const validate = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  allowMatchingProperties: true,
}).compile(schema);

type Components = Record<string, Record<string, string>>;
type Configuration = Record<string, { sources?: Components; channels: Components; sinks?: Components }>;

/** What a file says, as the schema has it. */
async function objectOf(file: string): Promise<Configuration> {
  const surroundings = { system: new Map(), environment: new Map() };
  const { agents } = await loadConfiguration({ files: [file], registry, ...surroundings });
  const ofKind = ({ components }: AgentTree, kind: 'sources' | 'channels' | 'sinks') =>
    Object.fromEntries(
      [...components[kind]].map(([name, settings]) => [
        name,
        Object.fromEntries([...settings].map(([property, { value }]) => [property, value])),
      ]),
    );
  return Object.fromEntries(
    [...agents.values()].map((agent) => [
      agent.name,
      { sources: ofKind(agent, 'sources'), channels: ofKind(agent, 'channels'), sinks: ofKind(agent, 'sinks') },
    ]),
  );
}

test.for(globSync('examples/**/*.conf', { cwd: root }))('the schema holds for %s', async (file) => {
  const valid = validate(await objectOf(`${root}/${file}`));
  expect(validate.errors ?? []).toEqual([]);
  expect(valid).toBe(true);
});

test('the schema has every source, channel and sink, and every property of each', () => {
  for (const { spec } of registrations) {
    if (spec.kind === 'interceptor') continue;
    const { properties, patternProperties } = schema.$defs[`${spec.type} ${spec.kind}`];
    const named = Object.values(spec.properties).map(({ name }) => name);
    const patterns = Object.keys(patternProperties).map((pattern) => new RegExp(pattern));
    const missing = named.filter((name) => !(name in properties) && !patterns.some((pattern) => pattern.test(name)));
    expect(missing, spec.type).toEqual([]);
  }
});

const flow = (): Configuration => ({
  a1: {
    sources: { r1: { type: 'netcat', bind: 'localhost', port: '44444', channels: 'c1' } },
    channels: { c1: { type: 'memory' } },
    sinks: { k1: { type: 'org.apache.flume.sink.LoggerSink', channel: 'c1' } },
  },
});

test.for<[string, (flow: Configuration) => void]>([
  ['a property that the type does not have', ({ a1 }) => Object.assign(a1!.sources!['r1']!, { prot: '1' })],
  ['a source without what its type needs', ({ a1 }) => delete a1!.sources!['r1']!['port']],
  ['a source without channels', ({ a1 }) => delete a1!.sources!['r1']!['channels']],
  ['a type that does not exist', ({ a1 }) => Object.assign(a1!.sinks!['k1']!, { type: 'loger' })],
  ['an agent without channels', ({ a1 }) => delete (a1 as Partial<Configuration[string]>).channels],
])('the schema refuses %s', ([, spoil]) => {
  const configuration = flow();
  expect(validate(configuration)).toBe(true);
  spoil(configuration);
  expect(validate(configuration)).toBe(false);
});
