import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';

const { pki } = forge;
const DAY_MS = 86_400_000;
/** The kinds of names that a certificate can be for. */
const ALT_NAME = { name: 2, address: 7 } as const;

/** A certificate and its key, in PEM. */
export interface Certified {
  readonly key: string;
  readonly certificate: string;
}

export interface CertifiedOptions {
  /** Who signs it. Without one it is its own issuer. */
  readonly issuer?: Certified;
  /** How long it is valid; it was for sixty days. Default 30. */
  readonly days?: number;
  /** Whether it says that it is for `localhost` and 127.0.0.1. */
  readonly local?: boolean;
}

/** Makes a certificate for tests; one whose name begins with `server` may not issue others. */
export function certified(name: string, { issuer, days = 30, local = false }: CertifiedOptions = {}): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const made = pki.createCertificate();
  made.publicKey = pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  made.serialNumber = `01${Buffer.from(name).toString('hex')}`;
  made.validity.notBefore = new Date(Date.now() - 60 * DAY_MS);
  made.validity.notAfter = new Date(Date.now() + days * DAY_MS);
  made.setSubject([{ name: 'commonName', value: name }]);
  const by = issuer === undefined ? made : pki.certificateFromPem(issuer.certificate);
  made.setIssuer(by.subject.attributes);
  const altNames = [
    { type: ALT_NAME.name, value: 'localhost' },
    { type: ALT_NAME.address, ip: '127.0.0.1' },
  ];
  made.setExtensions([
    { name: 'basicConstraints', cA: !name.startsWith('server') },
    ...(local ? [{ name: 'subjectAltName', altNames }] : []),
  ]);
  made.sign(pki.privateKeyFromPem(issuer?.key ?? key), forge.md.sha256.create());
  return { key, certificate: pki.certificateToPem(made) };
}
