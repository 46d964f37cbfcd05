/**
 * Gives the memory of a piece that a socket has read back at once, when nobody needs it any more. Node makes 64 KiB for each read and leaves them
 * to the garbage collector; given back, the next read finds the same bytes still in the cache. The piece, and every view of it, is empty afterwards.
 */
export function freeAtOnce(piece: Buffer): void {
  const { buffer } = piece;
  // Only what is a buffer of its own: small pieces may share one with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.length) buffer.transfer(0);
}
