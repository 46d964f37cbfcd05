import type { MessagePort } from 'node:worker_threads';
import type { ChannelAddress } from '../channel.ts';
import type { CellRange } from '../metrics/cells.ts';

/**
 * Everything that crosses between a host and its guest. Events never travel this way: the control plane says who somebody is, that
 * it runs, that it shall stop, and what it logs.
 */
export type ToGuest = {
  /** Accept nothing more, finish what is open for at most `drainMs`, close, and end. */
  readonly type: 'stop';
  readonly drainMs: number;
  /** Whether a sink also delivers what is in its channel. It does not when others will, or it will itself in its next life. */
  readonly drain: boolean;
};

export type FromGuest = { readonly type: 'running' } | { readonly type: 'log'; readonly record: LogRecord };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line of a worker's log, of bounded size. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  /** An object as JSON. */
  readonly fields: string;
  /** How many lines of the same cause were left out before this one. */
  readonly suppressed: number;
}

interface Component {
  /** The component's name in the plan, such as `a1.sources.r1`. */
  readonly id: string;
  /** What the worker imports: the module's URL. */
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly metrics: CellRange;
}

/** What a worker needs to open an interceptor of its source. */
export interface InterceptorAssignment extends Omit<Component, 'metrics'> {}

export interface SourceAssignment extends Component {
  readonly kind: 'source';
  readonly drive: 'event' | 'polling';
  /** In the order in which they see events. */
  readonly interceptors: readonly InterceptorAssignment[];
  readonly required: readonly ChannelAddress[];
  readonly optional: readonly ChannelAddress[];
}

export interface SinkAssignment extends Component {
  readonly kind: 'sink';
  readonly lingerMs: number;
  readonly channel: ChannelAddress;
}

/** What a component is told at the start of each of its lives: plain data that survives the structured clone. */
export type Assignment = SourceAssignment | SinkAssignment;

/** The one argument of the guest: an assignment and what belongs to this life alone. */
export interface Birth {
  readonly assignment: Assignment;
  /** The number under which this life's puts and takes stand in the channels, until it is reclaimed. */
  readonly owner: number;
  readonly control: MessagePort;
  /** One cell: how many log records the host has read. The guest leaves records out rather than run far ahead of it. */
  readonly logsRead: Int32Array;
  readonly logLevel: LogLevel;
}

/** In what a guest was when it failed. */
export type Phase = 'loading' | 'opening' | 'running' | 'closing';

/** A failure as it leaves a worker: the structured clone would take an error's name and code away. */
export interface FailureRecord {
  readonly phase: Phase;
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
}

/** Packs whatever was thrown for its way to the main thread. */
export function packFailure(phase: Phase, thrown: unknown): FailureRecord {
  if (!(thrown instanceof Error))
    return { phase, name: 'Error', message: String(thrown), code: undefined, stack: undefined };
  const code = 'code' in thrown && thrown.code !== undefined ? String(thrown.code) : undefined;
  // The error of a connection that failed at every address of a name has a code and no words.
  const message = thrown.message || code || thrown.name;
  return { phase, name: thrown.name, message, code, stack: thrown.stack };
}

/** Makes an error of a failure record again, with its code, so that it can be the cause of another. */
export function unpackFailure({ name, message, code, stack }: FailureRecord): Error {
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}
