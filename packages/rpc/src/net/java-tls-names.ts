/** Which protocols and cipher suites may be used, by their names in Java. Empty lists of what is included include what is usual. */
export interface TlsRules {
  readonly includeProtocols: readonly string[];
  readonly excludeProtocols: readonly string[];
  readonly includeCipherSuites: readonly string[];
  readonly excludeCipherSuites: readonly string[];
}

/** What rules amount to, and what they name in vain. */
export interface Allowed {
  readonly protocols: ReadonlySet<Protocol>;
  /** As OpenSSL writes a list; undefined for what is usual. */
  readonly ciphers: string | undefined;
  readonly notes: readonly string[];
}

export type Protocol = (typeof PROTOCOLS)[number];
const PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
const USUAL: readonly Protocol[] = ['TLSv1.2', 'TLSv1.3'];
/** Protocols that Java knows and nobody should speak. */
const DEAD = ['SSLv2Hello', 'SSLv3'];

/** The suites that today's Java has enabled, in its order, and their names in OpenSSL. Those of TLS 1.3 have the same in both. */
const SUITES = new Map([
  ['TLS_AES_256_GCM_SHA384', 'TLS_AES_256_GCM_SHA384'],
  ['TLS_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['TLS_DHE_RSA_WITH_AES_256_GCM_SHA384', 'DHE-RSA-AES256-GCM-SHA384'],
  ['TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'DHE-RSA-CHACHA20-POLY1305'],
  ['TLS_DHE_RSA_WITH_AES_128_GCM_SHA256', 'DHE-RSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384', 'ECDHE-ECDSA-AES256-SHA384'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384', 'ECDHE-RSA-AES256-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ECDHE-ECDSA-AES128-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ECDHE-RSA-AES128-SHA256'],
  ['TLS_DHE_RSA_WITH_AES_256_CBC_SHA256', 'DHE-RSA-AES256-SHA256'],
  ['TLS_DHE_RSA_WITH_AES_128_CBC_SHA256', 'DHE-RSA-AES128-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'],
  ['TLS_DHE_RSA_WITH_AES_256_CBC_SHA', 'DHE-RSA-AES256-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
  ['TLS_DHE_RSA_WITH_AES_128_CBC_SHA', 'DHE-RSA-AES128-SHA'],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA256', 'AES256-SHA256'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA256', 'AES128-SHA256'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
]);

/** Works out what rules allow, as Flume does: what is usual, of it what is included, without what is excluded. Throws when nothing is left. */
export function allowedBy(rules: TlsRules): Allowed {
  const named = allowedProtocols(rules);
  const suites = allowedSuites(rules);
  // OpenSSL would take the usual suites for a protocol that has none left.
  const protocols = named.filter((protocol) => suites.some((name) => isOfTls13(name) === (protocol === 'TLSv1.3')));
  if (protocols.length === 0) {
    const left = named.join(' and ');
    throw new Error(`include-cipher-suites and exclude-cipher-suites leave no cipher suite for ${left}: allow one.`);
  }
  const unruled = suites.length === SUITES.size;
  return { protocols: new Set(protocols), ciphers: unruled ? undefined : suites.join(':'), notes: namedInVain(rules) };
}

function allowedProtocols({ includeProtocols, excludeProtocols }: TlsRules): readonly Protocol[] {
  // What is usual leaves out the old protocols, but who names one gets it.
  const included = includeProtocols.length === 0 ? USUAL : PROTOCOLS.filter((name) => includeProtocols.includes(name));
  const left = included.filter((name) => !excludeProtocols.includes(name));
  if (left.length > 0) return left;
  const names = PROTOCOLS.join(', ');
  throw new Error(`include-protocols and exclude-protocols leave no TLS protocol: there are ${names}.`);
}

/** In the names of OpenSSL. */
function allowedSuites({ includeCipherSuites, excludeCipherSuites }: TlsRules): string[] {
  const included = new Set(includeCipherSuites.map(withoutSsl));
  const excluded = new Set(excludeCipherSuites.map(withoutSsl));
  return [...SUITES]
    .filter(([name]) => (included.size === 0 || included.has(name)) && !excluded.has(name))
    .map(([, name]) => name);
}

function namedInVain(rules: TlsRules): string[] {
  const protocols = [...rules.includeProtocols, ...rules.excludeProtocols].filter(
    (name) => !DEAD.includes(name) && !PROTOCOLS.some((known) => known === name),
  );
  const dead = rules.includeProtocols.filter((name) => DEAD.includes(name));
  const suites = [...rules.includeCipherSuites, ...rules.excludeCipherSuites].filter(
    (name) => !SUITES.has(withoutSsl(name)),
  );
  return [
    ...protocols.map((name) => `There is no protocol ${name}, so it is ignored: there are ${PROTOCOLS.join(', ')}.`),
    ...dead.map((name) => `include-protocols names ${name}, which is never spoken: take it off the list.`),
    ...suites.map((name) => `The cipher suite ${name} is not to be had here, so it is ignored.`),
  ];
}

/** Java has old suites under two names. */
const withoutSsl = (name: string) => name.replace(/^SSL_/, 'TLS_');
const isOfTls13 = (name: string) => name.startsWith('TLS_');
