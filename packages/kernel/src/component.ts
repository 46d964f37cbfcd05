import type { Batch, BatchBuilder, DirectEnd, Headers } from '@millrace/channel-native';
import type { ConfigOf, Metrics, Spec } from './spec.ts';

export type { Batch, BatchBuilder, DirectEnd, Headers } from '@millrace/channel-native';

/** Adds to a counter, or moves a gauge up and down. */
export interface Meter {
  add(amount: number): void;
  /** Where it stands, for native code of the same thread. */
  readonly cell: Float64Array;
}

/** Goes to the agent's one log. A cause that repeats is thinned out, and the log says how often it was suppressed. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface Context<Of extends Spec> {
  /** The component's name in the plan, such as `a1.sources.r1`. */
  readonly id: string;
  readonly config: ConfigOf<Of['properties']>;
  readonly metrics: MetersOf<Of['metrics']>;
  readonly log: Log;
  /**
   * Aborts when what the component waits for may be given up: for a source as soon as it is asked to stop, for a sink, which still
   * delivers what is in its channel, when the time for that is over.
   */
  readonly signal: AbortSignal;
}

export type MetersOf<Of extends Metrics> = { readonly [Key in keyof Of]: Meter };

/** What becomes of the events of an {@link SourceContext.emitEach} call, told in order, as soon as it is known. */
export type EachOutcome = (accepted: number, failure: Error | undefined) => void;

/** What a source is opened with: besides the rest, what puts its events into the channels. */
export interface SourceContext<Of extends Spec> extends Context<Of> {
  /**
   * Puts a batch, as one transaction, into every channel the selector names. Resolves once all required channels hold it; rejects when one
   * refused, and then none of them holds it. The batch may not be used after it settled.
   */
  readonly emit: (batch: Batch) => Promise<void>;
  /**
   * Puts every event of the batch as a request of its own, though as many as possible share a transaction. `outcome` is called with
   * the number of events accepted next, and with the failure of the one event after them, until all are accounted for.
   * Resolves then; never rejects because an event was refused.
   */
  readonly emitEach: (batch: Batch, outcome: EachOutcome) => Promise<void>;
  /**
   * Puts every event of the batch, in order and as many at once as there is room for, however long that takes: for sources whose
   * clients cannot be told to send again. It goes on when the source is asked to stop, while there is time for that. `refused` is called for
   * each event that can never be put, or not any more because that time is over. Resolves when all are accounted for; never rejects.
   */
  readonly emitAll: (batch: Batch, refused: (failure: Error) => void) => Promise<void>;
  /** A builder over scratch memory that is used again as soon as what was built in it has been emitted. */
  readonly builder: BatchBuilder;
  /**
   * Where native code may put requests by itself, without `emit`, as long as there is room; what it puts is counted as received and accepted. Absent
   * where there is more to do than that: interceptors, several channels, a channel that takes its time.
   */
  readonly direct?: DirectEnd;
  /** The most events one transaction may hold in the channels of this source. */
  readonly transactionCapacity: number;
}

/** What an interceptor is opened with. */
export type InterceptorContext<Of extends Spec> = Omit<Context<Of>, 'metrics'>;

/** An event as {@link Events.map} shows it. */
export interface SingleEvent {
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** What an interceptor makes of an event; text is encoded as UTF-8. */
export interface MadeEvent {
  readonly headers: Headers;
  readonly body: Uint8Array | string;
}

/**
 * The events that pass an interceptor, and what it can do to them. All of it but `map` is done to the whole batch at once, by native code:
 * no object is made for an event, and the changes of all interceptors of a source cost one copy. Of no use when `intercept` has settled.
 */
export interface Events {
  readonly length: number;
  /** The headers of one event, with all changes so far. */
  headers(index: number): Headers;
  /** The body of one event where it lies: valid until the next call of `keep` or `map`, and until `intercept` settles. */
  bodyView(index: number): Buffer;
  /** The names of the headers of all events, each once. */
  headerNames(): readonly string[];
  /** Sets a header in every event; with `preserve`, an event that has it keeps its own. */
  setHeader(name: string, value: string, options?: { readonly preserve?: boolean }): void;
  /** Removes a header from every event that has it. */
  removeHeader(name: string): void;
  /**
   * Drops the events that are not wanted, and numbers those that are left from 0 again. For who sent it a dropped event is accepted; it
   * counts as `filtered` in the metrics.
   */
  keep(wanted: (index: number) => boolean): void;
  /** Makes every event anew, which takes longer than the above; undefined drops it, as `keep` does. */
  map(make: (event: SingleEvent, index: number) => MadeEvent | undefined): void;
}

/** An interceptor that is open. */
export interface RunningInterceptor {
  /**
   * Called with what a source emits, before its channels are chosen: with one event or with thousands. What it throws refuses all of them
   * to who sent them. Of events that are requests of their own each is then shown again, alone: only what really cannot pass is refused.
   *
   * While a promise is pending the events wait, in their place; so do those behind them, with which it may be called meanwhile.
   */
  intercept(events: Events): Promise<void> | void;
  /** Called when everything has passed. */
  close(): Promise<void>;
}

/** What a sink is opened with. */
export interface SinkContext<Of extends Spec> extends Context<Of> {}

/** A source that calls `emit` by itself. */
export interface RunningSource {
  /** Accepts nothing more; resolves when everything accepted has been answered and all handles are closed. */
  close(): Promise<void>;
}

/** A source that the kernel drives: `ready` asks for the next poll at once, `backoff` for one after a growing pause. */
export interface PollingSource extends RunningSource {
  poll(): Promise<'ready' | 'backoff'>;
  /** Flume's pauses for this source; without them 1,000 and 5,000 ms. */
  readonly backoff?: { readonly incrementMs: number; readonly maxMs: number };
}

/** A sink that is open; the kernel takes events from its channel for it. */
export interface RunningSink {
  /** Most events in one delivery. */
  readonly batchSize: number;
  /**
   * Resolving (or returning) commits the batch; throwing rolls it back, and the kernel offers it again after a pause. The bytes are
   * the channel's: they are readable until `deliver` settles and not a moment longer.
   */
  deliver(batch: Batch): Promise<void> | void;
  close(): Promise<void>;
}

/** What a source's module exports as `open`: resolves when the source is listening, or throws what stands in the way. */
export type OpenSource<Of extends Spec> = (context: SourceContext<Of>) => Promise<RunningSource | PollingSource>;

/** What a sink's module exports as `open`: resolves when the sink can take; its peer need not have been reached. */
export type OpenSink<Of extends Spec> = (context: SinkContext<Of>) => Promise<RunningSink>;

/** What an interceptor's module exports as `open`: resolves when events can pass. The source is opened after its interceptors. */
export type OpenInterceptor<Of extends Spec> = (context: InterceptorContext<Of>) => Promise<RunningInterceptor>;
