/** What a channel or a batch refuses: `code` is one of the `MR_…` codes of the engine, such as `MR_CHANNEL_FULL`. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
