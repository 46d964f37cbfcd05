import { randomBytes } from 'node:crypto';
import type { WireEvent } from '../wire/avro.ts';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Events that a hop may spoil. Their number can be divided by many batch sizes. */
export const oddEvents: readonly WireEvent[] = [
  { headers: {}, body: Buffer.from('plain') },
  { headers: {}, body: Buffer.alloc(0) },
  { headers: { '': '' }, body: Buffer.from('an empty key with an empty value') },
  { headers: { host: 'web1', Straße: 'grüße aus 日本 🚀' }, body: Buffer.from('grüße aus 日本 🚀') },
  { headers: { bytes: 'all' }, body: everyByte },
  { headers: { 'a b\tc\n': '\0' }, body: Buffer.alloc(3) },
  { headers: { long: 'x'.repeat(40_000) }, body: Buffer.from('a header of 40,000 characters') },
  { headers: { size: '1 MiB' }, body: randomBytes(2 ** 20) },
  {
    headers: Object.fromEntries(Array.from({ length: 300 }, (_, number) => [`header-${number}`, `value-${number}`])),
    body: Buffer.from('300 headers'),
  },
  { headers: { size: '64 KiB and one' }, body: randomBytes(2 ** 16 + 1) },
  { headers: { last: 'but one' }, body: Buffer.of(0xff, 0xfe, 0) },
  { headers: { last: 'yes' }, body: Buffer.from('last') },
];

/** Events in a form in which the order of headers makes no difference, and large ones can be shown. */
export const comparable = (events: readonly WireEvent[]) =>
  events.map(({ headers, body }) => ({ headers: { ...headers }, body: Buffer.from(body).toString('latin1') }));
