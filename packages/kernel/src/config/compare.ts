import { isDeepStrictEqual } from 'node:util';
import type { Spec } from '../spec.ts';
import { isSecret } from './diagnostic.ts';
import type { ChannelPlan, Plan, SinkPlan, SourcePlan } from './plan-types.ts';

/** One thing that a reload does to one component. */
export interface Change {
  /** Such as `a1.sinks.k1`. */
  readonly id: string;
  readonly what: 'start' | 'stop' | 'restart';
  /** In words, such as `batchSize 100 → 200`. */
  readonly why: string;
}

/** What a reload does, or has done. */
export interface Changes {
  /** Channels, then sinks, then sources. */
  readonly changes: readonly Change[];
  /** How many components go on as they are. */
  readonly untouched: number;
  /** What could not be done yet, or not without a loss, one sentence each. */
  readonly remarks: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;
type Component = ChannelPlan | SinkPlan | SourcePlan;

/** What brings an agent that runs `running` to `next`. */
export function comparePlans(running: Plan, next: Plan): Changes {
  const channels = compareKind(running.channels, next.channels, () => undefined);
  const reopened = new Set(
    next.channels.filter(({ id }) => channels.some((change) => change.id === id)).map(({ name }) => name),
  );
  const at = (component: Component) => {
    const channel = channelsOf(component).find((name) => reopened.has(name));
    return channel && `its channel ${channel} is opened again`;
  };
  const changes = [
    ...channels,
    ...compareKind(running.sinks, next.sinks, at),
    ...compareKind(running.sources, next.sources, at),
  ];
  const all = [...next.channels, ...next.sinks, ...next.sources];
  const untouched = all.length - changes.filter(({ what }) => what !== 'stop').length;
  return { changes, untouched, remarks: [] };
}

/** The names of the channels that a component puts into or takes from; none for a channel. */
export function channelsOf(component: Component): readonly string[] {
  if ('channel' in component) return [component.channel];
  return 'required' in component ? [...component.required, ...component.optional] : [];
}

function compareKind(
  running: readonly Component[],
  next: readonly Component[],
  reasonBesides: (component: Component) => string | undefined,
): Change[] {
  const before = new Map(running.map((component) => [component.id, component]));
  const after = new Set(next.map(({ id }) => id));
  const changes: Change[] = running
    .filter(({ id }) => !after.has(id))
    .map(({ id }) => ({ id, what: 'stop', why: 'it is not in the configuration any more' }));
  for (const component of next) {
    const { id } = component;
    const known = before.get(id);
    const why = known === undefined ? 'it is new' : (difference(known, component) ?? reasonBesides(component));
    if (why !== undefined) changes.push({ id, what: known === undefined ? 'start' : 'restart', why });
  }
  return changes;
}

/** How two plans of one component differ, in words; undefined when they do not. */
function difference(before: Component, after: Component): string | undefined {
  const [a, b] = [before.registration, after.registration];
  if (a.spec.type !== b.spec.type) return `its type ${a.spec.type} → ${b.spec.type}`;
  if (a.module.href !== b.module.href) return 'another module implements its type';
  const reasons = [...settingsThatDiffer(b.spec, before.config, after.config), ...wiringThatDiffers(before, after)];
  return reasons.length === 0 ? undefined : reasons.join(', ');
}

function settingsThatDiffer(spec: Spec, before: Component['config'], after: Component['config']): string[] {
  return keysThatDiffer(before, after).map((key) => {
    const name = spec.properties[key]?.name ?? key;
    const [from, to] = [before[key], after[key]].map(shown);
    return isSecret(name) || from === undefined || to === undefined ? `${name} has changed` : `${name} ${from} → ${to}`;
  });
}

const wires: Readonly<Record<string, string>> = {
  channel: 'its channel',
  required: 'its channels',
  optional: 'its optional channels',
};

function wiringThatDiffers(before: Component, after: Component): string[] {
  const [from, to] = [before, after].map(({ registration: _, config: __, ...wiring }) => wiring as Values);
  return keysThatDiffer(from!, to!).map((key) =>
    key in wires
      ? `${wires[key]} ${String(from![key]) || 'none'} → ${String(to![key]) || 'none'}`
      : `its ${key} have changed`,
  );
}

function keysThatDiffer(before: Values, after: Values): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key]));
}

const SHOWN_MAX = 60;

/** A value as one word; undefined when it is not to be shown: long, built of several, or of words among which a password may be. */
function shown(value: unknown): string | undefined {
  if (value === undefined) return '(unset)';
  if (typeof value === 'object') return Array.isArray(value) ? shown(value.map(shown).join()) : undefined;
  const text = String(value);
  return text.length > SHOWN_MAX || /\s|:\/\/[^/]*@/.test(text) ? undefined : text;
}
