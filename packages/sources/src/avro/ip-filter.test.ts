import { hostname, networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { createIpFilter } from './ip-filter.ts';

const admits = (rules: string, address: string) => createIpFilter(rules.split(','))(address);

describe('rules for addresses', () => {
  test.for<[string, string, boolean]>([
    ['deny:ip:10.*', '10.1.2.3', false],
    ['deny:ip:10.*', '11.1.2.3', true],
    ['deny:ip:10.*', '1010.2.3', true],
    ['allow:ip:127.*,deny:ip:*', '127.0.0.1', true],
    ['allow:ip:127.*,deny:ip:*', '10.0.0.1', false],
    ['deny:ip:*,allow:ip:127.*', '127.0.0.1', false],
    ['deny:ip:10.0.0.?', '10.0.0.1', false],
    ['deny:ip:10.0.0.?', '10.0.0.12', true],
    ['DENY:IP:10.0.0.1', '10.0.0.1', false],
    ['deny:ip:10.0.0.1', '10.0.0.10', true],
    ['deny:ip:[1]*', '10.0.0.1', true],
    ['deny:ip:10.0.0.1', '::ffff:10.0.0.1', false],
    ['deny:ip:::1', '::1', false],
    ['deny:ip:0:0:0:0:0:0:0:1', '::1', false],
    ['deny:ip:fe80:0:0:0:*', 'fe80::1:2:3:4', false],
  ])('%s, for %s: %s', async ([rules, address, admitted]) => {
    expect(await admits(rules, address)).toBe(admitted);
  });
});

describe('rules for names', () => {
  test('localhost means every address of this host', async () => {
    const own = Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map(({ address }) => address));
    for (const address of ['127.0.0.1', '127.0.0.2', ...own]) {
      expect(await admits('deny:name:localhost', address)).toBe(false);
    }
    expect(await admits('deny:name:localhost', '192.0.2.1')).toBe(true);
  });

  test('are compared with the name that an address has', async () => {
    expect(await admits('deny:name:local*', '127.0.0.1')).toBe(false);
    expect(await admits(`deny:name:no-such-${hostname()}`, '127.0.0.1')).toBe(true);
  });

  test('are compared with the address where it has no name', async () => {
    expect(await admits('deny:name:192.0.2.*', '192.0.2.1')).toBe(false);
  });
});
