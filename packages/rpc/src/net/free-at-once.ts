/**
 * Gives the memory of a piece that a socket has read back at once, when nobody needs it any more. Node makes 64 KiB for each read and leaves them
 * to the garbage collector; given back, the next read finds the same bytes still in the cache. The piece, and every view of it, is empty afterwards.
 */
export function freeAtOnce(piece: Uint8Array): void {
  // Small pieces may share a buffer with others.
  if (isAlone(piece)) (piece.buffer as ArrayBuffer).transfer(0);
}

/** A piece for longer than it is valid: itself when it has its memory for itself, else a copy. */
export function ownPiece(piece: Buffer): Buffer {
  return isAlone(piece) ? piece : Buffer.from(piece);
}

function isAlone({ buffer, length }: Uint8Array): boolean {
  return buffer instanceof ArrayBuffer && buffer.byteLength === length;
}
