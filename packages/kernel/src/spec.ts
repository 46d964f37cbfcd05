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
  /** The attribute of Flume's JSON that has this figure, such as `EventReceivedCount`. */
  readonly flume?: string;
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
   * `false`: Flume's JSON has no entry for components of this type. Else the attributes it has of them besides those of their kind and
   * those of `metrics`; what nothing here counts stays 0.
   */
  readonly flumeEntry?: false | readonly string[];
  /**
   * The key of the property that bounds how many events one transaction holds, where Flume compares it with the
   * channel's `transactionCapacity` (which itself is the `batch` of a channel).
   */
  readonly batch?: keyof Of & string;
  /** A rule over several properties: returns one sentence for each that is broken, with what to do behind a colon. (A method, so that any spec is a `Spec`.) */
  check?(config: ConfigOf<Of>): readonly string[];
  /** The same for what can run, but perhaps not as meant: a warning for each sentence. */
  advise?(config: ConfigOf<Of>): readonly string[];
  /** What of the host it needs for itself; two components that need the same are reported. */
  uses?(config: ConfigOf<Of>): readonly Resource[];
}

/** A part of the host that a component needs for itself; `property` is the name of the one that says so. */
export type Resource =
  | {
      readonly what: 'port';
      readonly protocol: 'tcp' | 'udp';
      /** A name or an address; undefined is every address. */
      readonly host: string | undefined;
      /** 0 is any that is free. */
      readonly port: number;
      readonly property: string;
    }
  | {
      readonly what: 'directory';
      readonly path: string;
      /** How the names of its files begin and end, where others may have files beside them; undefined when nobody may. */
      readonly files?: string;
      readonly property: string;
    };

/** What becomes of events outside of channels, in words for `millrace explain`. */
export interface SourceFacts {
  /** What those who sent events know once these are in every required channel, as a sentence: `netcat clients were told OK for them.` */
  readonly told: string;
  /** What becomes of events while a channel has no room: `lines are answered with FAILED and have to be sent again`. */
  readonly refused: string;
  /** What is lost when the agent ends unexpectedly, though no channel held it yet: `lines that …`. Undefined when senders know that they have to send it again. */
  readonly lost?: string;
}

/** What a channel keeps, in words for `millrace check` and `millrace explain`. */
export interface ChannelFacts {
  /** Whether what it holds survives an unexpected end of the agent. */
  readonly durable: boolean;
  /** Where it keeps events, in a few words: `in memory`. */
  readonly where: string;
  /** How much it holds, in a few words: `10,000 events`. */
  readonly room: string;
  /** What may be lost of a channel of that name at worst, and when; in whole sentences. */
  readonly worst: string;
  /** A limit that nobody has set and that matters, such as `byteCapacity is not set: at most 64 MiB`. */
  readonly unset?: string;
}

/** What a sink promises, in words for `millrace explain`. */
export interface SinkFacts {
  /** Where it delivers to, in a few words: `collector:4141`. */
  readonly to?: string;
  /** When its events leave the channel, behind `Events leave c1 `: `when the next agent has acknowledged them`. */
  readonly done: string;
  /** Why some may be delivered twice, as a sentence; undefined when that makes no difference. */
  readonly twice?: string;
  /** Why it delivers in another order than it takes, as a sentence; undefined when it keeps the order. */
  readonly disorder?: string;
}

export interface SinkTraits<Of extends Properties = Properties> {
  /** How long a take gathers after its first event before it is content with less than a full batch, in milliseconds. */
  readonly lingerMs: number;
  facts(config: ConfigOf<Of>): SinkFacts;
}

export interface SourceTraits<Of extends Properties = Properties> {
  /** `event`: the source calls `emit` when something arrives. `polling`: the kernel calls `poll` in a loop. */
  readonly drive: 'event' | 'polling';
  facts(config: ConfigOf<Of>): SourceFacts;
}

export interface ChannelTraits<Of extends Properties = Properties> {
  facts(config: ConfigOf<Of>, name: string): ChannelFacts;
}

export type Spec = Declaration & { readonly kind: Kind };
export type SourceSpec = Declaration & SourceTraits & { readonly kind: 'source' };
export type SinkSpec = Declaration & SinkTraits & { readonly kind: 'sink' };
export type ChannelSpec = Declaration & ChannelTraits & { readonly kind: 'channel' };
export type InterceptorSpec = Declaration & { readonly kind: 'interceptor' };
export type SelectorSpec = Declaration & { readonly kind: 'selector' };

export function defineSource<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures> & SourceTraits<Of>,
) {
  return { kind: 'source', ...declaration } as const;
}

export function defineSink<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures> & SinkTraits<Of>,
) {
  return { kind: 'sink', ...declaration } as const;
}

export function defineChannel<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures> & ChannelTraits<Of>,
) {
  return { kind: 'channel', ...declaration } as const;
}

export function defineSelector<Of extends Properties, Measures extends Metrics>(
  declaration: Declaration<Of, Measures>,
) {
  return { kind: 'selector', ...declaration } as const;
}

/** An interceptor has no figures of its own: its source counts what it drops. */
export function defineInterceptor<Of extends Properties>(declaration: Declaration<Of, Record<string, never>>) {
  return { kind: 'interceptor', ...declaration } as const;
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

/** The port that a component listens on, where its properties are named `host` and `port` in TypeScript. */
export function portUsed(
  protocol: 'tcp' | 'udp',
  { host, port }: { readonly host: string | undefined; readonly port: number },
): readonly Resource[] {
  return [{ what: 'port', protocol, host, port, property: 'port' }];
}

export function counter(name: string, doc: string, { flume }: Pick<Metric, 'flume'> = {}): Metric {
  return { instrument: 'counter', name, doc, ...(flume !== undefined && { flume }) };
}

export function gauge(name: string, doc: string, { flume }: Pick<Metric, 'flume'> = {}): Metric {
  return { instrument: 'gauge', name, doc, ...(flume !== undefined && { flume }) };
}
