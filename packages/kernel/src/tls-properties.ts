import { type GlobalSetting, property } from './spec.ts';
import { flag, names, text } from './types.ts';

/** What a setting falls back to in every component: the names that Flume gives it. */
const global = (systemProperty: string, environment: string): { readonly global: GlobalSetting } => ({
  global: { systemProperty, environment },
});

/** Comma-separated where it is global, as Flume has it. */
const globalList = (systemProperty: string, environment: string): { readonly global: GlobalSetting } => ({
  global: { systemProperty, environment, commas: true },
});

/** Which protocols and cipher suites TLS may use. */
const rules = {
  excludeProtocols: property(
    'exclude-protocols',
    names.default([]),
    'Protocols not to use, by their names in Java, with blanks between them. `SSLv3` never is.',
    globalList('flume.ssl.exclude.protocols', 'FLUME_SSL_EXCLUDE_PROTOCOLS'),
  ),
  includeProtocols: property(
    'include-protocols',
    names.default([]),
    'Protocols that may be used, by their names in Java, with blanks between them. Without any, `TLSv1.3` and `TLSv1.2`.',
    globalList('flume.ssl.include.protocols', 'FLUME_SSL_INCLUDE_PROTOCOLS'),
  ),
  excludeCipherSuites: property(
    'exclude-cipher-suites',
    names.default([]),
    'Cipher suites not to use, by their names in Java, with blanks between them.',
    globalList('flume.ssl.exclude.cipherSuites', 'FLUME_SSL_EXCLUDE_CIPHERSUITES'),
  ),
  includeCipherSuites: property(
    'include-cipher-suites',
    names.default([]),
    'Cipher suites that may be used, by their names in Java, with blanks between them. Without any, all that are safe.',
    globalList('flume.ssl.include.cipherSuites', 'FLUME_SSL_INCLUDE_CIPHERSUITES'),
  ),
};

/** The TLS properties of a component that listens; with them goes {@link checkTlsServer}. */
export const tlsServerProperties = {
  ssl: property('ssl', flag.default(false), 'Speak TLS. Needs `keystore` and `keystore-password`.'),
  keystore: property(
    'keystore',
    text.optional(),
    'File with the key and the certificates that are shown to clients: PEM, PKCS#12 or JKS.',
    global('javax.net.ssl.keyStore', 'FLUME_SSL_KEYSTORE_PATH'),
  ),
  keystorePassword: property(
    'keystore-password',
    text.optional(),
    'Password of the key store and of the key in it.',
    global('javax.net.ssl.keyStorePassword', 'FLUME_SSL_KEYSTORE_PASSWORD'),
  ),
  keystoreType: property(
    'keystore-type',
    text.default('JKS'),
    'Type of the key store. Read, but it decides nothing: the first bytes of the file do.',
    global('javax.net.ssl.keyStoreType', 'FLUME_SSL_KEYSTORE_TYPE'),
  ),
  ...rules,
};

/** The TLS properties of a component that connects. The chain of the server's certificate is checked, its host name is not, as in Flume. */
export const tlsClientProperties = {
  ssl: property('ssl', flag.default(false), 'Speak TLS.'),
  trustAllCerts: property('trust-all-certs', flag.default(false), 'Trust any certificate. For tests.'),
  truststore: property(
    'truststore',
    text.optional(),
    'File with the certificates that are trusted: PEM, PKCS#12 or JKS. Without one, those that the system trusts.',
    global('javax.net.ssl.trustStore', 'FLUME_SSL_TRUSTSTORE_PATH'),
  ),
  truststorePassword: property(
    'truststore-password',
    text.optional(),
    'Password of the trust store, where it has one.',
    global('javax.net.ssl.trustStorePassword', 'FLUME_SSL_TRUSTSTORE_PASSWORD'),
  ),
  truststoreType: property(
    'truststore-type',
    text.default('JKS'),
    'Type of the trust store. Read, but it decides nothing: the first bytes of the file do.',
    global('javax.net.ssl.trustStoreType', 'FLUME_SSL_TRUSTSTORE_TYPE'),
  ),
  ...rules,
};

/** The rule of {@link tlsServerProperties}, for the `check` of a declaration. */
export function checkTlsServer({
  ssl,
  keystore,
  keystorePassword,
}: {
  readonly ssl: boolean;
  readonly keystore: string | undefined;
  readonly keystorePassword: string | undefined;
}): readonly string[] {
  if (!ssl || (keystore && keystorePassword)) return [];
  const [missing, setting] = keystore
    ? ['keystore-password', 'javax.net.ssl.keyStorePassword']
    : ['keystore', 'javax.net.ssl.keyStore'];
  return [`ssl is true, and there is no ${missing}: set ${missing}, or -D${setting}=… for all components`];
}
