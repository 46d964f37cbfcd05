import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A key store or trust store: a PEM, PKCS#12 or JKS file. Its first bytes decide which. */
export interface StoreSettings {
  readonly file: string;
  readonly password: string | undefined;
}

/** A private key and the certificates that belong to it, its own first. */
export interface Identity {
  readonly key: KeyObject;
  readonly chain: readonly X509Certificate[];
}

/** What is in a store. */
export interface Store {
  readonly identities: readonly Identity[];
  /** Who may be trusted because of it: what belongs to a key only proves that key, so of that it is the first. */
  readonly trusted: readonly X509Certificate[];
}

interface Found {
  readonly keys: readonly KeyObject[];
  readonly certificates: readonly X509Certificate[];
}

/** Reads a store. Throws what is wrong with which file, and what to do. */
export async function readStore({ file, password }: StoreSettings): Promise<Store> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${cause.code}): ${READ_ADVICE[cause.code ?? ''] ?? 'look at the disk'}.`, {
      cause,
    });
  });
  try {
    return storeOf(await parse(bytes, password));
  } catch (cause) {
    throw new Error(`${file} ${sentenceOf(cause as Error, password)}`, { cause });
  }
}

const READ_ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; look at the path',
  EACCES: 'the user who runs this may not read it; change its permissions',
  EISDIR: 'it is a directory; name the file in it',
};

/** What is wrong with a store, and what to do; the file is the subject. */
class StoreError extends Error {}

function sentenceOf(error: Error, password: string | undefined): string {
  if (error instanceof StoreError) return error.message;
  const refused = /password|mac|decrypt|passphrase|bad pass/i.test(error.message);
  if (refused && password === undefined) return 'cannot be opened without a password: set one.';
  if (refused) return 'cannot be opened with this password: it is another one, or the file is damaged.';
  return `is damaged (${error.message}): make it again.`;
}

function parse(bytes: Buffer, password: string | undefined): Found | Promise<Found> {
  if (bytes.length === 0) throw new StoreError('is empty: it must be a PEM, PKCS#12 or JKS file.');
  const magic = bytes.length >= 4 ? bytes.readUInt32BE() : 0;
  if (magic === 0xfeedfeed) return parseJks(bytes, password);
  if (magic === 0xcececece)
    throw new StoreError('is a JCEKS store: convert it with keytool -importkeystore -deststoretype PKCS12.');
  if (bytes[0] === 0x30) return parsePkcs12(bytes, password);
  return parsePem(bytes.toString('latin1'), password);
}

function parsePem(text: string, password: string | undefined): Found {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g)];
  const named = (kind: RegExp) => blocks.filter(([, name = '']) => kind.test(name)).map(([block]) => block);
  const keys = named(/PRIVATE KEY$/);
  const certificates = named(/CERTIFICATE$/);
  if (keys.length + certificates.length === 0)
    throw new StoreError('is neither a PEM nor a PKCS#12 nor a JKS file: look at what it is.');
  return {
    keys: keys.map((key) => keyOf(key, password)),
    certificates: certificates.map((certificate) => new X509Certificate(certificate)),
  };
}

/** One wrong password in 256 seems to be right, until what it decrypts turns out to be no key. */
function keyOf(key: string, password: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key, passphrase: password ?? '' });
  } catch (cause) {
    if (key.includes('ENCRYPTED')) throw new Error('What the password decrypts is no key.', { cause });
    throw cause;
  }
}

async function parseJks(bytes: Buffer, password: string | undefined): Promise<Found> {
  const { default: jks } = await import('jks-js');
  const keys: KeyObject[] = [];
  const certificates: X509Certificate[] = [];
  for (const entry of jks.parseJks(bytes, password ?? '')) {
    if ('protectedPrivateKey' in entry) {
      if (password) keys.push(createPrivateKey(jks.decrypt(entry.protectedPrivateKey, password)));
      certificates.push(...entry.chain.map(({ value }) => new X509Certificate(value)));
    } else certificates.push(new X509Certificate(entry.cert.value));
  }
  return { keys, certificates };
}

async function parsePkcs12(bytes: Buffer, password: string | undefined): Promise<Found> {
  const { default: forge } = await import('node-forge');
  const { asn1, pki, pkcs12 } = forge;
  const store = pkcs12.pkcs12FromAsn1(asn1.fromDer(bytes.toString('latin1')), password);
  const bags = store.safeContents.flatMap(({ safeBags }) => safeBags);
  const der = (value: Parameters<typeof asn1.toDer>[0]) => Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
  const isKey = (type: string | undefined) => type === pki.oids['keyBag'] || type === pki.oids['pkcs8ShroudedKeyBag'];
  return {
    // What forge does not understand, such as keys of elliptic curves, it leaves as it is.
    keys: bags
      .filter(({ type }) => isKey(type))
      .map(({ key, asn1: raw }) => (key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key)) : raw))
      .map((key) => createPrivateKey({ key: der(key), format: 'der', type: 'pkcs8' })),
    certificates: bags
      .filter(({ type }) => type === pki.oids['certBag'])
      .map(({ cert, asn1: raw }) => new X509Certificate(der(cert ? pki.certificateToAsn1(cert) : raw))),
  };
}

function storeOf({ keys, certificates }: Found): Store {
  const identities = keys.flatMap((key) => {
    const own = certificates.find((certificate) => certificate.checkPrivateKey(key));
    return own === undefined ? [] : [{ key, chain: chainOf(own, certificates) }];
  });
  if (keys.length > 0 && identities.length === 0)
    throw new StoreError('has a key, but no certificate of that key: put both into it.');
  const proofs = new Set(identities.flatMap(({ chain }) => chain.slice(1)));
  return { identities, trusted: certificates.filter((certificate) => !proofs.has(certificate)) };
}

/** Files have certificates in any order, and TLS wants each followed by its issuer. */
function chainOf(own: X509Certificate, certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const chain = [own];
  for (;;) {
    const last = chain.at(-1)!;
    const issuer = certificates.find((certificate) => !chain.includes(certificate) && last.checkIssued(certificate));
    if (issuer === undefined) return chain;
    chain.push(issuer);
  }
}
