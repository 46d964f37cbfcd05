const VERBS = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) /;

/** Says what a connection begins with that was not expected, and what to do where that is known; undefined when it is like nothing known. Needs 16 bytes at most. */
export function describeFirstBytes(bytes: Uint8Array): string | undefined {
  const [first = -1, second = -1] = bytes;
  const text = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  if (first === 0x16 && second === 0x03) return 'TLS (set ssl = true on this side, or false on the other)';
  // The header of zlib is a multiple of 31.
  if ((first & 0x0f) === 8 && first >> 4 <= 7 && ((first << 8) | second) % 31 === 0)
    return 'a compressed stream (set compression-type = deflate on this side, or none on the other)';
  if (VERBS.test(text)) return 'an HTTP request (there is no web server here)';
  if (bytes.length >= 5 && first <= 1) {
    // A Thrift frame is a length and then a message; an Avro message is a serial and then a number of buffers.
    if (bytes[4] === 0x82 && (bytes[5]! & 0x1f) === 1) return 'a frame of Thrift’s compact protocol';
    if (bytes[4] === 0x80 && bytes[5] === 0x01) return 'a frame of Thrift’s binary protocol';
    if (bytes.length >= 12 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(4) <= 0xffff)
      return 'an Avro message';
  }
  if (/^[\t\r\n\x20-\x7e]+$/.test(text)) return 'lines of text';
  return undefined;
}
