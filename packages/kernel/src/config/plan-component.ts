import type { Spec } from '../spec.ts';
import { adviceOn } from './advice.ts';
import type { Report } from './diagnostic.ts';
import { isFlumeType } from './flume-types.ts';
import { type Globals, withGlobals } from './globals.ts';
import { filterReference } from './interpolate.ts';
import type { Listed } from './listing.ts';
import type { Registration } from './plan-types.ts';
import { type Entry, placeInValue } from './properties.ts';
import type { ComponentKind, Registry, SpecOf } from './registry.ts';
import { type Owner, readSettings, reportUnknown } from './settings.ts';
import { didYouMean, nearest } from './suggest.ts';
import type { AgentTree, Settings } from './tree.ts';

/** What planning one component needs to know. */
export interface Planning {
  readonly agent: AgentTree;
  readonly registry: Registry;
  readonly report: Report;
  readonly globals: Globals;
  /** The path that a path leads to, behind all links. */
  readonly realPath: (path: string) => string;
}

/** The settings of each kind that belong to the wiring, not to the component. */
const wiring: Readonly<
  Record<ComponentKind, { readonly names: readonly string[]; readonly prefixes: readonly string[] }>
> = {
  source: {
    names: ['type', 'channels', 'selector.type', 'interceptors'],
    prefixes: ['selector.', 'interceptors.'],
  },
  channel: { names: ['type'], prefixes: [] },
  sink: { names: ['type', 'channel'], prefixes: [] },
  interceptor: { names: ['type'], prefixes: [] },
};

/** `Source r1 is dropped.` */
export function dropped(kind: ComponentKind, { name }: Listed): string {
  return `${kind[0]!.toUpperCase()}${kind.slice(1)} ${name} is dropped.`;
}

/** A component that can run, before it is wired. */
export interface Unwired<Of extends Spec = Spec> {
  readonly id: string;
  readonly name: string;
  readonly registration: Registration<Of>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Finds out what a component is and reads its settings; undefined when it cannot run, of which `consequence` says in a sentence what it means. */
export function planComponent<Of extends ComponentKind>(
  kind: Of,
  component: Listed,
  planning: Planning,
  consequence = dropped(kind, component),
): Unwired<SpecOf[Of]> | undefined {
  const { report, registry, globals } = planning;
  const { id, name, place } = component;
  const owner: Owner = { id, place, consequence };
  warnOfStub(component, report);
  // Those of an interceptor are settings of its source too, which has been looked at.
  const filtersMissing = kind !== 'interceptor' && needsFilter(kind, component, planning);

  const type = component.settings.get('type');
  if (type === undefined) {
    const mistyped = nearest('type', component.settings.keys());
    report({
      severity: 'error',
      code: 'missing-type',
      place,
      subject: `${id}.type`,
      message: `${id} has no type. ${owner.consequence}`,
      suggestion:
        mistyped === undefined ? `set ${id}.type to ${oneOf(registry.types(kind))}` : `write "type" for "${mistyped}"`,
    });
    return undefined;
  }
  const registration = registry.find(kind, type.value);
  if (registration === undefined) {
    report({
      severity: 'error',
      place: type.valuePlace,
      subject: type.key,
      ...unknownType(kind, type.value, registry, owner.consequence),
    });
    return undefined;
  }

  const spec: Spec = registration.spec;
  const settings = withoutOldPrefix(spec, component.settings);
  reportUnknown(spec, withoutReported(kind, settings), wiring[kind], `The ${spec.type} ${kind}`, report);
  if (filtersMissing) return undefined;
  const config = readSettings(spec, withGlobals(spec, settings, globals, place), owner, report);
  return config === undefined ? undefined : { id, name, registration, config };
}

/** The settings, with those that stand behind the old prefix under their new names. */
function withoutOldPrefix({ oldPrefix }: Spec, settings: Settings): Settings {
  if (oldPrefix === undefined) return settings;
  const named = new Map<string, Entry>();
  for (const [name, entry] of settings) if (name.startsWith(oldPrefix)) named.set(name.slice(oldPrefix.length), entry);
  for (const [name, entry] of settings) if (!name.startsWith(oldPrefix)) named.set(name, entry);
  return named;
}

/** All but the settings of which something better is said than that they are unknown. */
function withoutReported(kind: ComponentKind, settings: Settings): Settings {
  const rest = new Map(settings);
  rest.delete('config');
  if (kind === 'source' && !settings.has('channels')) rest.delete('channel');
  if (kind === 'sink' && !settings.has('channel')) rest.delete('channels');
  return rest;
}

function unknownType(kind: ComponentKind, type: string, registry: Registry, consequence: string) {
  const types = registry.types(kind);
  if (isFlumeType(kind, type)) {
    return {
      code: 'type-not-yet',
      message: `Flume has the ${kind} type "${type}", this Millrace does not have it yet. ${consequence}`,
      suggestion: `it has ${types.join(', ')}`,
    };
  }
  if (kind === 'sink' && type.toLowerCase() === 'elasticsearch') {
    return {
      code: 'unknown-type',
      message: `Flume has removed the sink type "${type}". ${consequence}`,
      suggestion: `use ${oneOf(types)}, or write the sink for Millrace`,
    };
  }
  if (/^[\w$]+(\.[\w$]+)+$/.test(type)) {
    return {
      code: 'java-class',
      message: `"${type}" is a Java class, which cannot run here. ${consequence}`,
      suggestion:
        (registry.find(kind, `${type}$Builder`) && `write ${type}$Builder`) ??
        didYouMean(ownName(type), types) ??
        `use ${oneOf(types)}, or write the component for Millrace`,
    };
  }
  return {
    code: 'unknown-type',
    message: `There is no ${kind} type "${type}". ${consequence}`,
    suggestion: adviceOn(type) ?? kindAdvice(kind, type, registry) ?? didYouMean(type, types) ?? `use ${oneOf(types)}`,
  };
}

/** `org.example.AuditSink` is called `Audit`. */
const ownName = (className: string) => className.replace(/^.*\./, '').replace(/(Source|Channel|Sink|Interceptor)$/, '');

function kindAdvice(kind: ComponentKind, type: string, registry: Registry): string | undefined {
  const other = (['source', 'channel', 'sink'] as const).find((one) => one !== kind && registry.find(one, type));
  return other && `${type} is a ${other}; use ${oneOf(registry.types(kind))}`;
}

function oneOf(types: readonly string[]): string {
  return types.length > 1 ? `${types.slice(0, -1).join(', ')} or ${types.at(-1)}` : types.join();
}

function warnOfStub({ settings }: Listed, report: Report): void {
  const stub = settings.get('config');
  if (stub === undefined) return;
  report({
    severity: 'warning',
    code: 'config-stub',
    place: stub.keyPlace,
    subject: stub.key,
    message: `${stub.key} names a Java class that checks the configuration for Flume; it is ignored.`,
    suggestion: 'remove the line',
  });
}

/** Whether a value waits for a config filter. It may be a password: what is written there must not be used in its place. */
function needsFilter(kind: ComponentKind, component: Listed, { agent, report }: Planning): boolean {
  const filters = new Set(agent.lists.get('configfilters')?.value.split(/\s+/));
  let waits = false;
  for (const entry of component.settings.values()) {
    if (!entry.value.includes('${')) continue;
    for (const { 0: reference, 1: filter, index } of entry.value.matchAll(filterReference)) {
      const listed = filters.has(filter!);
      waits ||= listed;
      report({
        severity: listed ? 'error' : 'warning',
        code: listed ? 'filters-not-yet' : 'unresolved-variable',
        place: placeInValue(entry, index),
        subject: entry.key,
        message: listed
          ? `${reference} needs config filter ${filter}, and there are no config filters yet. ${dropped(kind, component)}`
          : `${agent.name} has no config filter ${filter}, so ${reference} is left as it is written.`,
        suggestion: `use \${env:NAME} or \${sys:name}`,
      });
    }
  }
  return waits;
}
