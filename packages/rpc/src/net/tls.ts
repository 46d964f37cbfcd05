import type { SecureContext } from 'node:tls';

/** A key store or trust store: a PEM, PKCS#12 or JKS file. */
export interface StoreSettings {
  readonly file: string;
  readonly password: string | undefined;
}

/** Which protocols and cipher suites may be used, by their names in Java. An empty list of what is included includes what is usual. */
export interface TlsRules {
  readonly includeProtocols: readonly string[];
  readonly excludeProtocols: readonly string[];
  readonly includeCipherSuites: readonly string[];
  readonly excludeCipherSuites: readonly string[];
}

/** What a side of TLS is set up with. */
export interface TlsOptions {
  readonly context: SecureContext;
  /** Whether the peer has to show a certificate that the trust store vouches for: so with clients, unless they trust everybody. */
  readonly verify: boolean;
  /** What works, but perhaps not as meant: sentences for the log. */
  readonly notes: readonly string[];
}

/** Whom a client trusts. */
export interface ClientTlsSettings {
  readonly trustAll: boolean;
  /** Without one, those whom the system trusts. */
  readonly truststore?: StoreSettings | undefined;
}

/** Reads the key and the certificates a server shows. Throws what is wrong, where, and what to do. */
export async function readServerTls(_store: StoreSettings, _rules: TlsRules): Promise<TlsOptions> {
  throw new Error('not yet');
}

/** Reads whom a client trusts: the chain of certificates is checked, the host name is not. Throws what is wrong, where, and what to do. */
export async function readClientTls(_settings: ClientTlsSettings, _rules: TlsRules): Promise<TlsOptions> {
  throw new Error('not yet');
}
