import type { SupervisedState } from '../agent/supervisor.ts';
import type { Changes } from '../config/compare.ts';
import type { Kind } from '../spec.ts';

/** The version of what is said over a control socket. Another one is not understood. */
export const PROTOCOL = 1;
/** Largest frame that an agent reads. */
export const REQUEST_BYTES_MAX = 64 << 10;
/** Largest frame that an agent writes. */
export const ANSWER_BYTES_MAX = 16 << 20;

/** What an agent says first to everyone who connects. */
export interface Greeting {
  readonly millrace: typeof PROTOCOL;
  /** Of Millrace, such as `0.1.0`. */
  readonly version: string;
  readonly agent: string;
  readonly pid: number;
}

/** What an agent can be asked; answers carry the `id` of their request, which counts from 1. */
export type Request =
  | { readonly id: number; readonly ask: 'status' }
  | { readonly id: number; readonly ask: 'stop' }
  | { readonly id: number; readonly ask: 'reload'; readonly planOnly: boolean };

/** What each question is answered with when all is well. A stop is answered when it has begun; how it ends is an {@link Ending}. */
export interface Results {
  readonly status: AgentReport;
  readonly stop: null;
  readonly reload: ReloadReport;
}

/** The answer to a request, or, with the `id` 0, what is said to a client before its connection is closed. */
export type Answer =
  | { readonly id: number; readonly ok: true; readonly result: Results[Request['ask']] }
  | { readonly id: number; readonly ok: false; readonly code: string; readonly message: string };

/** The last word of an agent to those who have asked it to stop. Their connections end when its process does. */
export interface Ending {
  readonly ended: {
    readonly exitCode: number;
    /** Channels that ended with events in them and do not keep them; `null`: nobody can tell how many. */
    readonly lost: readonly { readonly channel: string; readonly events: number | null }[];
    /** Components whose threads have outlived being killed. */
    readonly stuck: readonly string[];
  };
}

/** What a control socket gives access to. */
export interface Controlled {
  status(): AgentReport;
  /** Begins to stop; called again it changes nothing. */
  stop(): void;
  /** Applies the configuration as its files are now, or with `planOnly` says what that would do. */
  reload(planOnly: boolean): Promise<ReloadReport>;
}

/** How a reload went. */
export interface ReloadReport {
  /** Whether `changes` were made, are what would be made, or cannot be made because the new configuration has errors. */
  readonly outcome: 'applied' | 'planned' | 'refused';
  readonly changes: Changes;
  /** What is wrong with the new configuration, rendered for people. */
  readonly diagnostics: readonly string[];
}

/** An agent's status as plain data, for programs and for the table that people see. */
export interface AgentReport {
  readonly agent: string;
  readonly version: string;
  readonly pid: number;
  readonly state: 'starting' | 'running' | 'stopping';
  /** In milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly sources: readonly WorkerReport[];
  readonly channels: readonly ChannelReport[];
  readonly sinks: readonly WorkerReport[];
}

/** What is said of every component. */
export interface ComponentReport {
  readonly kind: Kind;
  /** Such as `a1.sources.r1`. */
  readonly id: string;
  /** Such as `r1`. */
  readonly name: string;
  /** Such as `netcat`. */
  readonly type: string;
  readonly state: SupervisedState;
  /** When it was first open, in milliseconds since 1970; 0 before that. */
  readonly startedAtMs: number;
  /** Why it ended or could not be started the last time that happened unasked. */
  readonly lastError: { readonly code: string; readonly message: string } | null;
  /** The component's figures by their keys, as they are at this moment. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A source or a sink. */
export interface WorkerReport extends ComponentReport {
  readonly kind: 'source' | 'sink';
  readonly restarts: number;
  /** Names of the channels it puts into or takes from. */
  readonly channels: readonly string[];
  /** Events that a source accepted or a sink delivered, in a second of the last ten. */
  readonly eventsPerSecond: number;
}

/** A channel. */
export interface ChannelReport extends ComponentReport {
  readonly kind: 'channel';
  /** Whether what is in it survives the end of the agent. */
  readonly durable: boolean;
  /** Most events it holds; `null`: no limit. */
  readonly capacity: number | null;
  /** Events in it, those included that a sink has taken and not yet delivered. */
  readonly queued: number;
  /** `queued` of `capacity`. */
  readonly fillPercent: number | null;
  /** How long the oldest event has been waiting; 0 when none does. */
  readonly oldestMs: number;
  /** Events put in a second of the last ten. */
  readonly inPerSecond: number;
  /** Events delivered in a second of the last ten. */
  readonly outPerSecond: number;
}
