import { createSecureContext, getCiphers } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { USUAL } from './certificates.test.fixture.ts';
import { allowedBy, type TlsRules } from './java-tls-names.ts';

const protocols = (rules: Partial<TlsRules>) => [...allowedBy({ ...USUAL, ...rules }).protocols];
const suites = (rules: Partial<TlsRules>) => allowedBy({ ...USUAL, ...rules }).ciphers?.split(':');

describe('protocols', () => {
  test.each([
    ['none named', {}, ['TLSv1.2', 'TLSv1.3']],
    ['one included', { includeProtocols: ['TLSv1.3'] }, ['TLSv1.3']],
    ['one excluded', { excludeProtocols: ['TLSv1.2'] }, ['TLSv1.3']],
    ['an old one included', { includeProtocols: ['TLSv1', 'TLSv1.2'] }, ['TLSv1', 'TLSv1.2']],
    [
      'one both included and excluded',
      { includeProtocols: ['TLSv1.2', 'TLSv1.3'], excludeProtocols: ['TLSv1.2'] },
      ['TLSv1.3'],
    ],
    ['those excluded that are never spoken', { excludeProtocols: ['SSLv2Hello', 'SSLv3'] }, ['TLSv1.2', 'TLSv1.3']],
  ])('with %s', (_, rules, expected) => {
    expect(protocols(rules)).toEqual(expected);
    expect(allowedBy({ ...USUAL, ...rules }).notes).toEqual([]);
  });

  test('of which none is left are refused', () => {
    expect(() => protocols({ includeProtocols: ['SSLv3'] })).toThrow('leave no TLS protocol: there are TLSv1, TLSv1.1');
  });

  test('that do not exist are ignored, and named', () => {
    const { protocols, notes } = allowedBy({ ...USUAL, includeProtocols: ['TLS1.2', 'TLSv1.2', 'SSLv3'] });
    expect([...protocols]).toEqual(['TLSv1.2']);
    expect(notes).toEqual([
      'There is no protocol TLS1.2, so it is ignored: there are TLSv1, TLSv1.1, TLSv1.2, TLSv1.3.',
      'include-protocols names SSLv3, which is never spoken: take it off the list.',
    ]);
  });
});

describe('cipher suites', () => {
  test('that no rule is about are those of OpenSSL', () => {
    expect(suites({})).toBeUndefined();
  });

  test('are included by their names in Java, the old ones too, in the order of Java', () => {
    const includeCipherSuites = ['SSL_RSA_WITH_AES_128_CBC_SHA', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'];
    expect(suites({ includeCipherSuites })).toEqual(['ECDHE-RSA-AES128-GCM-SHA256', 'AES128-SHA']);
  });

  test('that are excluded are the only ones that are missing', () => {
    const left = suites({ excludeCipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_RSA_WITH_AES_128_CBC_SHA'] });
    expect(left).toHaveLength(28);
    expect(left).not.toContain('TLS_AES_128_GCM_SHA256');
    expect(left).not.toContain('AES128-SHA');
    expect(left).toContain('TLS_AES_256_GCM_SHA384');
  });

  test('are all known to OpenSSL', () => {
    const all = suites({ excludeCipherSuites: ['TLS_RSA_WITH_AES_128_CBC_SHA'] })!;
    expect(all.filter((name) => !getCiphers().includes(name.toLowerCase()))).toEqual([]);
    expect(() => createSecureContext({ ciphers: all.join(':') })).not.toThrow();
  });

  test('that are not to be had are ignored, and named', () => {
    const { notes } = allowedBy({ ...USUAL, excludeCipherSuites: ['SSL_RSA_WITH_RC4_128_MD5'] });
    expect(notes).toEqual(['The cipher suite SSL_RSA_WITH_RC4_128_MD5 is not to be had here, so it is ignored.']);
  });

  test('leave out a protocol that has none left', () => {
    const rules = { ...USUAL, includeCipherSuites: ['SSL_RSA_WITH_AES_128_CBC_SHA'] };
    expect([...allowedBy(rules).protocols]).toEqual(['TLSv1.2']);
  });

  test('of which none fits a protocol are refused', () => {
    const includeCipherSuites = ['TLS_AES_128_GCM_SHA256'];
    expect(() => suites({ includeCipherSuites, includeProtocols: ['TLSv1.2'] })).toThrow('no cipher suite for TLSv1.2');
    expect(() => suites({ includeCipherSuites: ['TLS_NONE'] })).toThrow('no cipher suite for TLSv1.2 and TLSv1.3');
  });
});
