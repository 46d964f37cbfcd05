import { addon } from './addon.ts';

/** What a channel or a batch refuses: `code` is one of the `MR_…` codes of the engine, such as `MR_CHANNEL_FULL`. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a negative outcome of a channel means. */
export function failure(channel: number, outcome: number): ChannelError {
  const [code, message] = addon.describeOutcome(channel, outcome) as [string, string];
  return new ChannelError(code, message);
}
