import type * as z from 'zod';

/** One line of configuration: the name operators write, the type it must have, the sentence the manual prints. */
export interface Property<Type extends z.ZodType = z.ZodType> {
  /** A name that ends with a dot stands for all that begin with it, such as `hosts.`; its type is then one of a map. */
  readonly name: string;
  readonly type: Type;
  readonly doc: string;
  /**
   * What a value of the wrong type does: `drop` removes the component (Flume's rule for most), `default` takes the default and
   * warns (Flume's rule where the reference says "falls back").
   */
  readonly whenBad: 'drop' | 'default';
  /** What holds where the component has no value of its own. */
  readonly global?: GlobalSetting;
}

/** A setting of the whole process: a Java system property, or else an environment variable. */
export interface GlobalSetting {
  readonly systemProperty: string;
  readonly environment: string;
  /** Whether it separates by commas what the property separates by blanks. */
  readonly commas?: boolean;
}

/** One figure a component keeps. A counter only grows during a life of the component. */
export interface Metric {
  readonly instrument: 'counter' | 'gauge';
  readonly name: string;
  readonly doc: string;
}

export type Properties = Readonly<Record<string, Property>>;
export type Metrics = Readonly<Record<string, Metric>>;

/** What the worker sees: parsed values under TypeScript names, with no schema and no strings left. */
export type ConfigOf<Of extends Properties> = { readonly [Key in keyof Of]: z.output<Of[Key]['type']> };

export type Kind = 'source' | 'channel' | 'sink' | 'selector' | 'processor' | 'interceptor' | 'serializer';

/** What is said once about a component, and from which its typed configuration, its diagnostics and its manual page come. */
export interface Declaration<Of extends Properties = Properties, Measures extends Metrics = Metrics> {
  /** The alias operators write, compared without case. */
  readonly type: string;
  /** Full class names of Flume that mean this component too. */
  readonly classNames: readonly string[];
  readonly summary: string;
  readonly stability: 'experimental' | 'stable' | 'deprecated';
  readonly properties: Of;
  /** Properties of Flume that have no meaning here, each with the reason; a name that ends with a dot stands for all that begin with it. */
  readonly withoutMeaning?: Readonly<Record<string, string>>;
  /** A prefix that Flume has before the same properties in old files; without it they win. */
  readonly oldPrefix?: string;
  readonly metrics: Measures;
  /**
   * The key of the property that bounds how many events one transaction holds, where Flume compares it with the
   * channel's `transactionCapacity` (which itself is the `batch` of a channel).
   */
  readonly batch?: keyof Of & string;
  /** A rule over several properties: returns one sentence for each that is broken, with what to do behind a colon. (A method, so that any spec is a `Spec`.) */
  check?(config: ConfigOf<Of>): readonly string[];
  /** The same for what can run, but perhaps not as meant: a warning for each sentence. */
  advise?(config: ConfigOf<Of>): readonly string[];
}

export interface SinkTraits {
  /** How long a take gathers after its first event before it is content with less than a full batch, in milliseconds. */
  readonly lingerMs: number;
}

export interface SourceTraits {
  /** `event`: the source calls `emit` when something arrives. `polling`: the kernel calls `poll` in a loop. */
  readonly drive: 'event' | 'polling';
}

export type Spec = Declaration & { readonly kind: Kind };
export type SourceSpec = Declaration & SourceTraits & { readonly kind: 'source' };
export type SinkSpec = Declaration & SinkTraits & { readonly kind: 'sink' };
export type ChannelSpec = Declaration & { readonly kind: 'channel' };
export type SelectorSpec = Declaration & { readonly kind: 'selector' };

export function defineSource<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures> & SourceTraits,
) {
  return { kind: 'source', ...declaration } as const;
}

export function defineSink<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures> & SinkTraits,
) {
  return { kind: 'sink', ...declaration } as const;
}

export function defineChannel<Of extends Properties, Measures extends Metrics>(declaration: Declaration<Of, Measures>) {
  return { kind: 'channel', ...declaration } as const;
}

export function defineSelector<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures>,
) {
  return { kind: 'selector', ...declaration } as const;
}

export function defineSerializer<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures>,
) {
  return { kind: 'serializer', ...declaration } as const;
}

export function property<Type extends z.ZodType>(
  name: string,
  type: Type,
  doc: string,
  { whenBad = 'drop', global }: { whenBad?: Property['whenBad']; global?: GlobalSetting } = {},
): Property<Type> {
  return { name, type, doc, whenBad, ...(global !== undefined && { global }) };
}

export function counter(name: string, doc: string): Metric {
  return { instrument: 'counter', name, doc };
}

export function gauge(name: string, doc: string): Metric {
  return { instrument: 'gauge', name, doc };
}
