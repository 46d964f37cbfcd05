/** A number of four bytes, the highest first. */
export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A number in groups of seven bits, the lowest first, as Avro and Thrift's compact protocol have it. Returns where it ends. */
export function writeVarint(into: Buffer, at: number, value: number): number {
  let [rest, end] = [value, at];
  for (; rest > 0x7f; rest >>>= 7) end = into.writeUInt8((rest & 0x7f) | 0x80, end);
  return into.writeUInt8(rest, end);
}

/** The same, as bytes of its own. */
export function varint(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}
