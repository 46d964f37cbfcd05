/** Every error that Millrace shows to people, by its code. `docs/reference/errors.md` explains each one, and a test holds the two together. */
export const errorCodes = {
  MR_CONFIG_SYNTAX: 'The configuration file cannot be read.',
  MR_CONFIG_INVALID: 'The configuration has mistakes.',
  MR_NOTHING_TO_RUN: 'Nothing of this agent can run.',
  MR_LIFECYCLE: 'A component was asked for something its state does not allow.',
  MR_WORKER_EXIT: 'A component worker ended without being asked to.',
  MR_WORKER_TIMEOUT: 'A component worker did not answer in time.',
  MR_WORKER_MEMORY: 'A component worker used more memory than it may.',
  MR_COMPONENT_FAILED: 'A component failed.',
  MR_CHANNEL_FULL: 'The channel has no room.',
  MR_CHANNEL_TOO_LARGE: 'The transaction can never fit the channel.',
  MR_CHANNEL_CLOSED: 'The channel is closed.',
  MR_CHANNEL_STALE: 'The caller’s worker life is over, or the handle was already used.',
  MR_CHANNEL_CANCELLED: 'The wait was cancelled.',
  MR_BATCH_INVALID: 'The bytes are not a batch of events.',
  MR_WIRE_INVALID: 'The bytes of a connection are not requests.',
  MR_PEER_UNREACHABLE: 'The peer cannot be reached.',
  MR_PEER_TIMEOUT: 'The peer did not answer in time.',
  MR_PEER_LOST: 'The connection to the peer is lost.',
  MR_PEER_REFUSED: 'The peer has not taken the events.',
  MR_PEER_INVALID: 'The answer of the peer cannot be understood.',
  MR_FILE_DAMAGED: 'A file of a channel is damaged.',
  MR_FILE_VERSION: 'A file of a channel was written by a later version.',
  MR_FILE_FOREIGN: 'A file does not belong to this channel.',
  MR_DATABASE: 'The database of a channel refused to read or write.',
  MR_DISK: 'The operating system refused to read or write.',
  MR_RELOAD: 'The new configuration is refused.',
  MR_CONTROL: 'The control socket cannot be used.',
  MR_ENGINE_PANIC: 'The native engine met a state it holds to be impossible.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable code. The message is `<what the code means> <what happened here, and what to do>`. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(`${errorCodes[code]} ${detail}`, options);
    this.code = code;
  }
}
