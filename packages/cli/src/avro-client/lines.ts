/** The lines of a text that comes in pieces: those of each piece as it comes, and at last what has no end. Lines end at LF, CR or CR LF. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  // A mark at the start is text, as for Java.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let unfinished = '';
  let endedWithCr = false;
  for await (const piece of pieces) {
    let text = decoder.decode(piece, { stream: true });
    if (text === '') continue;
    // The CR has ended its line already.
    if (endedWithCr && text.startsWith('\n')) text = text.slice(1);
    endedWithCr = text.endsWith('\r');
    const lines = text.split(/\r\n|[\r\n]/);
    lines[0] = unfinished + lines[0];
    unfinished = lines.pop()!;
    if (lines.length > 0) yield lines;
  }
  const last = unfinished + decoder.decode();
  if (last !== '') yield [last];
}
