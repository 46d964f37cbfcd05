import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './hop-pair.ts';

const ends = { JKS: 'jks', PKCS12: 'p12' } as const;
type StoreType = keyof typeof ends;

/** Stores that Java's keytool makes: one key in both of its formats, and its certificate in both. */
export class KeyStores implements Disposable {
  static readonly password = 'changeit';
  readonly #directory = join(tmpdir(), `millrace-stores-${randomUUID()}`);

  /** Makes the files. */
  make(): void {
    mkdirSync(this.#directory);
    const password = KeyStores.password;
    const [key, copy, certificate] = ['key.p12', 'key.jks', 'cert.pem'].map((name) => this.#file(name)) as [
      string,
      string,
      string,
    ];
    const entry = `-alias agent -storepass ${password}`;
    keytool(`-genkeypair ${entry} -keyalg RSA -dname CN=collector -storetype PKCS12`, { '-keystore': key });
    keytool(`-importkeystore -srcstorepass ${password} -deststorepass ${password} -deststoretype JKS`, {
      '-srckeystore': key,
      '-destkeystore': copy,
    });
    keytool(`-exportcert ${entry} -rfc`, { '-keystore': key, '-file': certificate });
    for (const type of ['JKS', 'PKCS12'] as const) {
      const trust = this.#file(`trust.${ends[type]}`);
      keytool(`-importcert ${entry} -noprompt -storetype ${type}`, { '-file': certificate, '-keystore': trust });
    }
  }

  /** Properties of a source with the key. */
  server(type: StoreType): Settings {
    return this.#settings('key', 'keystore', type);
  }

  /** Properties of a sink that trusts the key. */
  client(type: StoreType): Settings {
    return this.#settings('trust', 'truststore', type);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  #settings(file: string, property: string, type: StoreType): Settings {
    return {
      ssl: true,
      [property]: this.#file(`${file}.${ends[type]}`),
      [`${property}-password`]: KeyStores.password,
      [`${property}-type`]: type,
    };
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }
}

function keytool(words: string, files: Readonly<Record<string, string>>): void {
  // Its best compiler would only delay so short a run.
  const args = ['-J-XX:TieredStopAtLevel=1', ...words.split(' '), ...Object.entries(files).flat()];
  execFileSync('keytool', args, { stdio: 'pipe' });
}
