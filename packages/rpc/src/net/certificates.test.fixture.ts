import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';
import type { TlsRules } from './java-tls-names.ts';

const { pki, asn1 } = forge;

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
