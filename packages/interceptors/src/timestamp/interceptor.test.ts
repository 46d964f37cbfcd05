import type { Registration } from '@millrace/kernel/config/plan-types';
import { interceptorContract, openInterceptor, ScratchChannel } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { timestamp } from './spec.ts';

const registration: Registration = { spec: timestamp, module: new URL('./interceptor.js', import.meta.url) };

const aTime = expect.stringMatching(/^\d{13}$/);
const given = [
  { headers: {}, body: 'one' },
  { headers: { timestamp: '7', host: 'h1' }, body: 'two' },
];

interceptorContract(registration, [
  {
    given,
    passed: [
      { headers: { timestamp: aTime }, body: 'one' },
      { headers: { timestamp: aTime, host: 'h1' }, body: 'two' },
    ],
  },
  {
    settings: { preserveExisting: true },
    given,
    passed: [
      { headers: { timestamp: aTime }, body: 'one' },
      { headers: { timestamp: '7', host: 'h1' }, body: 'two' },
    ],
  },
  {
    settings: { headerName: 'seen' },
    given,
    passed: [
      { headers: { seen: aTime }, body: 'one' },
      { headers: { timestamp: '7', host: 'h1', seen: aTime }, body: 'two' },
    ],
  },
]);

test('the time is that of the passing', async () => {
  using channel = new ScratchChannel();
  await using interceptor = await openInterceptor(registration, {}, channel);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = Date.now();
  await interceptor.send(given);
  const after = Date.now();
  for (const { headers } of channel.take()) {
    expect(Number(headers['timestamp'])).toBeGreaterThanOrEqual(before);
    expect(Number(headers['timestamp'])).toBeLessThanOrEqual(after);
  }
});
