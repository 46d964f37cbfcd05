import type { WireRequest } from '@millrace/channel-native';

/** Writes the answers of one connection. */
export interface Answers {
  /** Whether `ok` depends on nothing any more but the call and its serial. */
  readonly plain: boolean;
  /** The answer to a request that nobody handles: a greeting, a method there is not. */
  atOnce(request: WireRequest): Buffer | undefined;
  ok(request: WireRequest): Buffer;
  failed(request: WireRequest): Buffer;
  /** Says that something is wrong with more than the channel. */
  error(request: WireRequest, message: string): Buffer;
}
