import * as z from 'zod';
import type { Kind, Property, Spec } from './spec.ts';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };

/** What every component of a kind has besides the properties of its type: by name, and by what names begin with. */
const wiring = {
  source: {
    required: { channels: 'Names of the channels it puts into, with blanks between them.' },
    optional: { interceptors: 'Names of what its events pass before, with blanks between them.' },
    prefixes: ['selector.', 'interceptors.'],
  },
  channel: { required: {}, optional: {}, prefixes: [] },
  sink: { required: { channel: 'Name of the channel it takes from.' }, optional: {}, prefixes: [] },
} as const;

type Component = keyof typeof wiring;

/**
 * The JSON schema (2020-12) of what a properties file says, as an object: agents by name, in each `sources`, `channels` and `sinks` by name, in each
 * component its properties with everything behind its name as the key. Values are the texts of the file. It holds what can be said without
 * running code; `millrace check` knows more.
 */
export function configurationSchema(specs: readonly Spec[]): Schema {
  const kinds = Object.keys(wiring) as Component[];
  const named = (kind: Component) => ({ type: 'object', additionalProperties: { $ref: `#/$defs/${kind}` } });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A configuration of Millrace',
    description: 'What a properties file says, as an object. Written by `npm run generate` from the declarations.',
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: Object.fromEntries(kinds.map((kind) => [`${kind}s`, named(kind)])),
      required: ['channels'],
      additionalProperties: false,
    },
    $defs: Object.fromEntries(
      kinds.flatMap((kind) => {
        const ofKind = specs.filter((spec) => spec.kind === kind).sort((a, b) => a.type.localeCompare(b.type));
        return [[kind, anyOfKind(kind, ofKind)], ...ofKind.map((spec) => [nameOf(spec), component(kind, spec)])];
      }),
    ),
  };
}

const nameOf = ({ type, kind }: { readonly type: string; readonly kind: Kind }) => `${type} ${kind}`;
const typesOf = ({ type, classNames }: Spec) => [type, ...classNames];

function anyOfKind(kind: Component, specs: readonly Spec[]): Schema {
  return {
    type: 'object',
    properties: { type: { enum: specs.flatMap(typesOf) } },
    required: ['type', ...Object.keys(wiring[kind].required)],
    allOf: specs.map((spec) => ({
      if: { type: 'object', properties: { type: { enum: typesOf(spec) } }, required: ['type'] },
      // biome-ignore lint/suspicious/noThenProperty: it is the schema's word
      then: { $ref: `#/$defs/${nameOf(spec)}` },
    })),
  };
}

function component(kind: Component, { type, summary, stability, properties, withoutMeaning = {} }: Spec): Schema {
  const { required, optional, prefixes } = wiring[kind];
  const all = [
    ...Object.entries({ ...required, ...optional }).map(([name, description]) => [name, { ...text, description }]),
    ...prefixes.map((name) => [name, text]),
    ...Object.values<Property>(properties).map((property) => [property.name, value(property)]),
    ...Object.entries(withoutMeaning).map(([name, why]) => [name, { ...text, deprecated: true, description: why }]),
  ] as [string, Schema][];
  const isPrefix = ([name]: [string, Schema]) => name.endsWith('.');
  return {
    title: `${type} ${kind}`,
    description: summary,
    type: 'object',
    ...(stability === 'deprecated' && { deprecated: true }),
    properties: { type: text, ...Object.fromEntries(all.filter((entry) => !isPrefix(entry))) },
    patternProperties: Object.fromEntries(
      all.filter(isPrefix).map(([name, schema]) => [`^${name.replaceAll('.', '\\.')}`, schema]),
    ),
    required: Object.values<Property>(properties)
      .filter((property) => !isPrefix([property.name, {}]) && !property.type.safeParse(undefined).success)
      .map(({ name }) => name),
    additionalProperties: false,
  };
}

function value({ type, doc }: Property): Schema {
  const { success, data } = type.safeParse(undefined);
  const standing = success && (typeof data !== 'object' || Array.isArray(data)) ? data : undefined;
  const choices = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' })['enum'];
  return {
    ...text,
    ...(choices !== undefined && { enum: choices }),
    ...(standing !== undefined && { default: Array.isArray(standing) ? standing.join(' ') : String(standing) }),
    description: doc,
  };
}
