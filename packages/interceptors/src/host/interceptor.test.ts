import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { interceptorContract } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { addressOfHost, nameOfAddress } from './local-host.ts';
import { host } from './spec.ts';

const registration: Registration = { spec: host, module: new URL('./interceptor.js', import.meta.url) };

/** What the system's own resolver says of a name or an address: an address first, then names. */
const resolved = (name: string) => execFileSync('getent', ['ahostsv4', name], { encoding: 'utf8' }).split(/\s+/);
const [address = ''] = resolved(hostname());
const name = await nameOfAddress(address);

const given = [
  { headers: {}, body: 'one' },
  { headers: { host: 'elsewhere' }, body: 'two' },
];

interceptorContract(registration, [
  {
    given,
    passed: [
      { headers: { host: address }, body: 'one' },
      { headers: { host: address }, body: 'two' },
    ],
  },
  {
    settings: { preserveExisting: true, useIP: false },
    given,
    passed: [
      { headers: { host: name }, body: 'one' },
      { headers: { host: 'elsewhere' }, body: 'two' },
    ],
  },
  {
    settings: { hostHeader: 'from' },
    given,
    passed: [
      { headers: { from: address }, body: 'one' },
      { headers: { host: 'elsewhere', from: address }, body: 'two' },
    ],
  },
]);

test('the address is what the name of this host stands for, and the name is one that leads back to it', async () => {
  expect(await addressOfHost()).toBe(address);
  if (name !== address) expect(resolved(name)).toContain(address);
  expect(await nameOfAddress('127.0.0.1')).toBe('localhost');
});

test('an address without a name is its own name', async () => {
  expect(await nameOfAddress('192.0.2.1')).toBe('192.0.2.1');
});
