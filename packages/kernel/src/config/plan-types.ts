import type { ChannelSpec, InterceptorSpec, SinkSpec, SourceSpec, Spec } from '../spec.ts';

/** A component that can be had: what is said about it, and the module that behaves like it. */
export interface Registration<Of extends Spec = Spec> {
  readonly spec: Of;
  /** What the component's worker imports. */
  readonly module: URL;
}

interface ComponentPlan<Of extends Spec> {
  /** The component's name in logs, metrics and diagnostics, such as `a1.sources.r1`. */
  readonly id: string;
  /** The component's own name, such as `r1`. */
  readonly name: string;
  readonly registration: Registration<Of>;
  /** Typed values under TypeScript names; can be posted to a worker as it is. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A channel to open. */
export interface ChannelPlan extends ComponentPlan<ChannelSpec> {}

/** An interceptor of a source. */
export interface InterceptorPlan extends ComponentPlan<InterceptorSpec> {}

/** A source to start, and the names of the channels of the plan it puts into. */
export interface SourcePlan extends ComponentPlan<SourceSpec> {
  /** What its events pass, in this order. */
  readonly interceptors: readonly InterceptorPlan[];
  /** Channels that must all hold an event before it counts as accepted, in Flume's order. */
  readonly required: readonly string[];
  /** Channels that are given the event afterwards and may fail. */
  readonly optional: readonly string[];
}

/** A sink to start, and the name of the channel of the plan it takes from. */
export interface SinkPlan extends ComponentPlan<SinkSpec> {
  readonly channel: string;
}

/** What one agent shall run. Every channel named in it is in it, and every channel in it is used. */
export interface Plan {
  readonly agent: string;
  readonly channels: readonly ChannelPlan[];
  readonly sources: readonly SourcePlan[];
  readonly sinks: readonly SinkPlan[];
}
