import { constants } from 'node:crypto';
import {
  createSecureContext,
  DEFAULT_CIPHERS,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
} from 'node:tls';
import { allowedBy, type Protocol, type TlsRules } from './java-tls-names.ts';
import { readStore, type Store, type StoreSettings } from './key-store.ts';

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
export async function readServerTls(settings: StoreSettings, rules: TlsRules): Promise<TlsOptions> {
  const store = await readStore(settings);
  // One for each type of key, from which a handshake chooses; of one type the first.
  const identities = [...Map.groupBy(store.identities, ({ key }) => key.asymmetricKeyType).values()].map(
    ([one]) => one!,
  );
  if (identities.length === 0)
    throw new Error(`${settings.file} has no private key, only certificates: a server needs its key in its key store.`);
  const key = identities.map((identity) => identity.key.export({ format: 'pem', type: 'pkcs8' }));
  const cert = identities.map(({ chain }) => chain.map(String).join('\n'));
  const { context, notes } = contextOf({ key, cert, dhparam: 'auto' }, rules);
  const expired = identities.map(({ chain }) => chain[0]!).filter(({ validToDate }) => validToDate < new Date());
  const late = expired.map(
    ({ validTo }) => `The certificate in ${settings.file} has expired on ${validTo}, so clients refuse it: replace it.`,
  );
  return { context, verify: false, notes: [...notes, ...late] };
}

/** Reads whom a client trusts: the chain of certificates is checked, the host name is not. Throws what is wrong, where, and what to do. */
export async function readClientTls({ trustAll, truststore }: ClientTlsSettings, rules: TlsRules): Promise<TlsOptions> {
  const ca = trustAll
    ? []
    : truststore === undefined
      ? trustedBySystem()
      : trustedIn(truststore, await readStore(truststore));
  return { ...contextOf({ ca, allowPartialTrustChain: true }, rules), verify: !trustAll };
}

function trustedIn({ file }: StoreSettings, { trusted }: Store): string[] {
  if (trusted.length === 0) throw new Error(`${file} has no certificate, so nobody would be trusted: put one into it.`);
  return trusted.map(String);
}

/** Where a system has no list of its own, that of Node. */
function trustedBySystem(): string[] {
  const own = getCACertificates('system');
  return own.length > 0 ? own : getCACertificates('default');
}

function contextOf(options: SecureContextOptions, rules: TlsRules) {
  const { protocols, ciphers, notes } = allowedBy(rules);
  const context = createSecureContext({
    ...options,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.3',
    secureOptions: without(protocols),
    // OpenSSL speaks the old protocols only where nothing has to be safe.
    ciphers: (ciphers ?? DEFAULT_CIPHERS) + (protocols.has('TLSv1') || protocols.has('TLSv1.1') ? ':@SECLEVEL=0' : ''),
  });
  return { context, notes };
}

const FORBID: Readonly<Record<Protocol, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  'TLSv1.1': constants.SSL_OP_NO_TLSv1_1,
  'TLSv1.2': constants.SSL_OP_NO_TLSv1_2,
  'TLSv1.3': constants.SSL_OP_NO_TLSv1_3,
};

function without(protocols: ReadonlySet<Protocol>): number {
  const names = Object.keys(FORBID) as Protocol[];
  return names.filter((name) => !protocols.has(name)).reduce((options, name) => options | FORBID[name], 0);
}
