import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';
import type { TlsRules } from './java-tls-names.ts';

const { pki, asn1 } = forge;
const DAY_MS = 86_400_000;

/** A certificate and its key, in PEM. */
export interface Certified {
  readonly key: string;
  readonly certificate: string;
}

/** Makes a certificate; without an issuer it is its own, and may be one. */
export function certified(name: string, { issuer, days = 30 }: { issuer?: Certified; days?: number } = {}): Certified {
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
  made.setExtensions([{ name: 'basicConstraints', cA: !name.startsWith('server') }]);
  made.sign(pki.privateKeyFromPem(issuer?.key ?? key), forge.md.sha256.create());
  return { key, certificate: pki.certificateToPem(made) };
}

/** The bytes of a PKCS#12 store with a key and certificates, as old programs encrypt it. */
export function pkcs12Of(key: string | undefined, certificates: readonly string[], password: string): Buffer {
  const forKey = key === undefined ? null : pki.privateKeyFromPem(key);
  const store = forge.pkcs12.toPkcs12Asn1(forKey as never, certificates as never, password, { algorithm: '3des' });
  return Buffer.from(asn1.toDer(store).getBytes(), 'latin1');
}

/** A directory for files, gone when it is disposed of. */
export class Directory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'millrace-tls-'));

  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Whether a program is there; where it is not, says so, for its tests are skipped then. */
export function isThere(program: string, ...args: readonly string[]): boolean {
  const { error, status } = spawnSync(program, args, { stdio: 'ignore' });
  const there = error === undefined && status === 0;
  if (!there) process.stdout.write(`Tests with ${program} are skipped: it is not installed.\n`);
  return there;
}

/** No rules: what is usual. */
export const USUAL: TlsRules = {
  includeProtocols: [],
  excludeProtocols: [],
  includeCipherSuites: [],
  excludeCipherSuites: [],
};
