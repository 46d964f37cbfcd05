import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './hop-pair.ts';

/** Stores that Java's keytool makes: one key in both of its formats, and its certificate in both. */
export class KeyStores implements Disposable {
  static readonly password = 'changeit';
  readonly #directory = join(tmpdir(), `millrace-stores-${randomUUID()}`);

  /** Makes the files. */
  make(): void {
    mkdirSync(this.#directory);
    const password = KeyStores.password;
    const key = this.#file('key.p12');
    this.#keytool('-genkeypair', '-keystore', key, '-storetype', 'PKCS12', '-keyalg', 'RSA', '-dname', 'CN=collector');
    this.#keytool('-exportcert', '-rfc', '-keystore', key, '-file', this.pem);
    const copy = ['-srckeystore', key, '-srcstorepass', password, '-deststorepass', password];
    execFileSync(
      'keytool',
      ['-importkeystore', ...copy, '-destkeystore', this.#file('key.jks'), '-deststoretype', 'JKS'],
      {
        stdio: 'pipe',
      },
    );
    for (const [type, end] of [
      ['JKS', 'jks'],
      ['PKCS12', 'p12'],
    ] as const) {
      this.#keytool(
        '-importcert',
        '-noprompt',
        '-file',
        this.pem,
        '-keystore',
        this.#file(`trust.${end}`),
        '-storetype',
        type,
      );
    }
  }

  /** The certificate alone, as text. */
  get pem(): string {
    return this.#file('cert.pem');
  }

  /** Properties of a source with the key. */
  server(type: 'JKS' | 'PKCS12'): Settings {
    return this.#settings('key', 'keystore', type);
  }

  /** Properties of a sink that trusts the key. */
  client(type: 'JKS' | 'PKCS12'): Settings {
    return this.#settings('trust', 'truststore', type);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  #settings(file: string, property: string, type: 'JKS' | 'PKCS12'): Settings {
    return {
      ssl: true,
      [property]: this.#file(`${file}.${type === 'JKS' ? 'jks' : 'p12'}`),
      [`${property}-password`]: KeyStores.password,
      [`${property}-type`]: type,
    };
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #keytool(...args: readonly string[]): void {
    execFileSync('keytool', [...args, '-alias', 'agent', '-storepass', KeyStores.password], { stdio: 'pipe' });
  }
}
