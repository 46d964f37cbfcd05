/** How a delivery to a peer can fail. */
export type RpcErrorCode =
  | 'MR_PEER_UNREACHABLE'
  | 'MR_PEER_TIMEOUT'
  | 'MR_PEER_LOST'
  | 'MR_PEER_REFUSED'
  | 'MR_PEER_INVALID';

/** Why a client has not delivered: the message says what happened, at which host and port, and what to do. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: RpcErrorCode;

  constructor(code: RpcErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a peer may have the events in spite of an error: they went to it, and it has not refused them. */
export function isDoubtful(error: unknown): error is RpcError {
  return error instanceof RpcError && error.code !== 'MR_PEER_UNREACHABLE' && error.code !== 'MR_PEER_REFUSED';
}

/** What an error says; that of several addresses at once has no words of its own. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
}
