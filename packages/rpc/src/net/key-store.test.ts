import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { certified } from '@millrace/testkit/certified';
import { afterAll, describe, expect, test } from 'vitest';
import { Directory, isThere, pkcs12Of, USUAL } from './certificates.test.fixture.ts';
import { readStore } from './key-store.ts';
import { readClientTls, readServerTls } from './tls.ts';

const directory = new Directory();
afterAll(() => directory[Symbol.dispose]());
const root = certified('root');
const middle = certified('middle', { issuer: root });
const leaf = certified('server', { issuer: middle });
const other = certified('other');
const password = 'change it';

const pathTo = (name: string) => join(directory.path, name);
const storeOf = (name: string, content: string | Uint8Array) => ({ file: directory.file(name, content), password });

/** What a store amounts to: the chain of each key, and who is trusted, by name. */
async function contents(settings: Parameters<typeof readStore>[0]) {
  const { identities, trusted } = await readStore(settings);
  const nameOf = ({ subject }: { readonly subject: string }) => subject.replace('CN=', '');
  return {
    chains: identities.map(({ chain }) => chain.map(nameOf)),
    trusted: trusted.map(nameOf).sort(),
  };
}

describe('a PEM file', () => {
  const { key, certificate } = leaf;

  test('has its key and its certificates in any order, and text between them', async () => {
    const text = `Bag\n${root.certificate}# mine\n${certificate}${key}${middle.certificate}`;
    const chain = ['server', 'middle', 'root'];
    expect(await contents(storeOf('any.pem', text))).toEqual({ chains: [chain], trusted: ['server'] });
    expect((await contents(storeOf('crlf.pem', text.replaceAll('\n', '\r\n')))).chains).toEqual([chain]);
  });

  test('of certificates alone trusts all of them', async () => {
    const text = root.certificate + other.certificate;
    expect(await contents(storeOf('trust.pem', text))).toEqual({ chains: [], trusted: ['other', 'root'] });
  });

  test('may have its key encrypted', async () => {
    const encrypted = createPrivateKey(key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: password,
    });
    const store = storeOf('encrypted.pem', encrypted + certificate);
    expect((await contents(store)).chains).toEqual([['server']]);
    await expect(readStore({ ...store, password: 'wrong' })).rejects.toThrow(
      `${store.file} cannot be opened with this password: it is another one, or the file is damaged.`,
    );
    await expect(readStore({ ...store, password: undefined })).rejects.toThrow('without a password: set one');

    // As some wrong passwords do: it decrypts to the end, and to nonsense: here the beginning of the key is changed.
    const lines = String(encrypted).split('\n');
    lines[4] = lines[4]!.replaceAll(/[a-m]/g, 'z');
    const nonsense = storeOf('nonsense.pem', lines.join('\n') + certificate);
    await expect(readStore(nonsense)).rejects.toThrow('cannot be opened with this password: it is another one, or');
  });

  test('whose key has no certificate is refused', async () => {
    await expect(readStore(storeOf('alien.pem', key + other.certificate))).rejects.toThrow(
      'alien.pem has a key, but no certificate of that key: put both into it.',
    );
  });
});

describe('a PKCS#12 file', () => {
  test('has a key with its chain, in the encryption of old programs', async () => {
    const store = storeOf(
      'old.p12',
      pkcs12Of(
        leaf.key,
        [leaf, middle, root].map(({ certificate }) => certificate),
        password,
      ),
    );
    expect(await contents(store)).toEqual({ chains: [['server', 'middle', 'root']], trusted: ['server'] });
    await expect(readStore({ ...store, password: 'wrong' })).rejects.toThrow('cannot be opened with this password');
    await expect(readStore({ ...store, password: undefined })).rejects.toThrow('without a password: set one');
  });

  test('of certificates alone is a trust store', async () => {
    const store = storeOf('trust.p12', pkcs12Of(undefined, [root.certificate, other.certificate], password));
    expect(await contents(store)).toEqual({ chains: [], trusted: ['other', 'root'] });
  });

  test('that is damaged is told so', async () => {
    const whole = pkcs12Of(leaf.key, [leaf.certificate], password);
    await expect(readStore(storeOf('cut.p12', whole.subarray(0, 100)))).rejects.toThrow(/cut\.p12 is damaged \(.+\)/);
  });
});

describe('what cannot be read', () => {
  test.each([
    ['nowhere.jks', undefined, 'nowhere.jks cannot be read (ENOENT): there is no such file; look at the path.'],
    ['empty.pem', '', 'empty.pem is empty: it must be a PEM, PKCS#12 or JKS file.'],
    ['letter.pem', 'Dear operator', 'letter.pem is neither a PEM nor a PKCS#12 nor a JKS file: look at what it is.'],
    ['old.jceks', '\xce\xce\xce\xce\0\0\0\x02', 'old.jceks is a JCEKS store: convert it with keytool -importkeystore'],
  ])('%s: says which file and what to do', async (name, content, message) => {
    if (content !== undefined) directory.file(name, Buffer.from(content, 'latin1'));
    await expect(readStore({ file: pathTo(name), password })).rejects.toThrow(message);
  });

  test('a directory is told so', async () => {
    await expect(readStore({ file: directory.path, password })).rejects.toThrow(
      'it is a directory; name the file in it',
    );
  });
});

describe('what a side needs', () => {
  test('a server, its key', async () => {
    const store = storeOf('certificates.pem', root.certificate);
    await expect(readServerTls(store, USUAL)).rejects.toThrow(
      'certificates.pem has no private key, only certificates: a server needs its key in its key store.',
    );
  });

  test('a server with a certificate that has expired runs, and says so', async () => {
    const late = certified('server-late', { days: -1 });
    const { notes } = await readServerTls(storeOf('late.pem', late.key + late.certificate), USUAL);
    expect(notes).toEqual([expect.stringMatching(/late\.pem has expired on .+, so clients refuse it: replace it\.$/)]);
  });

  test('a client without a trust store trusts whom the system trusts', async () => {
    expect(await readClientTls({ trustAll: false }, USUAL)).toMatchObject({ verify: true, notes: [] });
  });
});

describe.skipIf(!isThere('openssl', 'version'))('of openssl', () => {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: directory.path, stdio: 'pipe' });
  const exported = (name: string, ...args: readonly string[]) => {
    openssl('pkcs12', '-export', '-out', name, '-passout', `pass:${password}`, ...args);
    return { file: pathTo(name), password };
  };
  directory.file('key.pem', leaf.key);
  directory.file('leaf.pem', leaf.certificate);
  directory.file('issuers.pem', middle.certificate + root.certificate);

  test.each([
    ['today’s encryption', []],
    ['the encryption of OpenSSL 1', ['-legacy']],
    ['no encryption', ['-keypbe', 'NONE', '-certpbe', 'NONE']],
    ['AES 128', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'sha1']],
  ])('PKCS#12 with %s is read', async (name, options) => {
    const store = exported(
      `${name.length}.p12`,
      '-inkey',
      'key.pem',
      '-in',
      'leaf.pem',
      '-certfile',
      'issuers.pem',
      ...options,
    );
    expect(await contents(store)).toEqual({ chains: [['server', 'middle', 'root']], trusted: ['server'] });
  });

  test('PKCS#12 of certificates alone is a trust store', async () => {
    expect(await contents(exported('nokeys.p12', '-nokeys', '-in', 'issuers.pem'))).toEqual({
      chains: [],
      trusted: ['middle', 'root'],
    });
  });

  test('keys of elliptic curves are read, as PEM and as PKCS#12', async () => {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=curve',
      '-keyout',
      'ec.key',
      '-out',
      'ec.pem',
    );
    expect((await contents(exported('ec.p12', '-inkey', 'ec.key', '-in', 'ec.pem'))).chains).toEqual([['curve']]);
    const text = readFileSync(pathTo('ec.key'), 'utf8') + readFileSync(pathTo('ec.pem'), 'utf8');
    expect((await contents(storeOf('ec-both.pem', text))).chains).toEqual([['curve']]);
  });
});

describe.skipIf(!isThere('keytool', '-help'))('of Java’s keytool', { timeout: 60_000 }, () => {
  const keytool = (...args: readonly string[]) =>
    execFileSync('keytool', [...args, '-storepass', password], { cwd: directory.path, stdio: 'pipe' });
  const generated = (name: string, type: string, algorithm: string, ...more: readonly string[]) => {
    keytool(
      ...more,
      '-genkeypair',
      '-keystore',
      name,
      '-storetype',
      type,
      '-keyalg',
      algorithm,
      '-keypass',
      password,
      '-alias',
      algorithm,
      '-dname',
      `CN=${algorithm}`,
    );
    return { file: pathTo(name), password };
  };

  test.each([
    ['JKS', 'RSA', []],
    ['JKS', 'EC', []],
    ['PKCS12', 'RSA', []],
    ['PKCS12', 'EC', []],
    ['PKCS12', 'RSA', ['-J-Dkeystore.pkcs12.legacy']],
  ])('%s with a key of %s %o is read, and refused with a wrong password', async (type, algorithm, options) => {
    const store = generated(`${type}.${algorithm}${options.length}`, type, algorithm, ...options);
    expect(await contents(store)).toEqual({ chains: [[algorithm]], trusted: [algorithm] });
    await expect(readServerTls(store, USUAL)).resolves.toMatchObject({ notes: [] });
    await expect(readStore({ ...store, password: 'wrong' })).rejects.toThrow('cannot be opened with this password');
  });

  test('a store with two kinds of keys serves both', async () => {
    generated('two.jks', 'JKS', 'RSA');
    const store = generated('two.jks', 'JKS', 'EC');
    expect((await contents(store)).chains.sort()).toEqual([['EC'], ['RSA']]);
    await expect(readServerTls(store, USUAL)).resolves.toBeDefined();
  });

  test.each(['JKS', 'PKCS12'])('a trust store of type %s is read, JKS without its password too', async (type) => {
    const file = directory.file('root.pem', root.certificate);
    keytool('-importcert', '-noprompt', '-keystore', `trust.${type}`, '-storetype', type, '-alias', 'a', '-file', file);
    const store = { file: pathTo(`trust.${type}`), password };
    expect(await contents(store)).toEqual({ chains: [], trusted: ['root'] });
    if (type === 'JKS') expect((await contents({ ...store, password: undefined })).trusted).toEqual(['root']);
  });
});
