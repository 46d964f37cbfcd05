import type { Kind } from './peer.ts';

export const kinds: readonly Kind[] = ['Flume', 'Millrace'];
export type Both<Value> = Record<Kind, Value>;

/** Does the same for Flume and for Millrace, at the same time. */
export async function both<Value>(make: (kind: Kind) => Value | Promise<Value>): Promise<Both<Value>> {
  const [Flume, Millrace] = await Promise.all(kinds.map((kind) => make(kind)));
  return { Flume: Flume as Value, Millrace: Millrace as Value };
}

/** The other one. */
export const other = (kind: Kind): Kind => (kind === 'Flume' ? 'Millrace' : 'Flume');
