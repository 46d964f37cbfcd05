/** Says what the first bytes of a connection look like, for a message about bytes that were not expected; undefined when they look like nothing known. */
export function describeFirstBytes(_bytes: Uint8Array): string | undefined {
  return undefined;
}
