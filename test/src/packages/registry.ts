import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import type { Manifest, Tarball } from './tarballs.ts';

/** Where the registry listens. Leaving its scope closes it. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
}

/**
 * An npm registry with our tarballs, as if they had been published, and with all that the lock of the clone names, in those versions:
 * npm has these in its cache, or gets them from where they always come from.
 */
export async function startRegistry(tarballs: readonly Tarball[], lock: string): Promise<Registry> {
  const files = new Map(tarballs.map(({ file }) => [`/${basename(file)}`, file]));
  let packuments: ReadonlyMap<string, Packument>;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const file = files.get(path);
    const packument = packuments.get(path.slice(1));
    // npm must not keep what other runs would take for published.
    const headers = { 'cache-control': 'no-store', 'content-type': 'application/json' };
    if (file !== undefined) response.writeHead(200, headers).end(readFileSync(file));
    else if (packument !== undefined) response.writeHead(200, headers).end(JSON.stringify(packument));
    else response.writeHead(404, headers).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  packuments = packumentsOf([...tarballs.map((tarball) => ours(tarball, url)), ...locked(lock)]);
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A version of a package, as a registry describes it. */
interface Version extends Manifest {
  readonly dist: { readonly tarball: string; readonly integrity: string };
}

/** All that a registry says about a package. */
interface Packument {
  readonly name: string;
  readonly 'dist-tags': { latest: string };
  readonly versions: Record<string, Version>;
}

function ours({ file, manifest }: Tarball, url: string): Version {
  const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  return { ...manifest, dist: { tarball: `${url}/${basename(file)}`, integrity } };
}

/** What a lock says about a package, beside what its manifest does. */
interface Locked extends Partial<Manifest> {
  readonly integrity?: string;
  readonly resolved?: string;
}

function locked(lock: string): Version[] {
  const { packages } = JSON.parse(readFileSync(lock, 'utf8')) as { packages: Record<string, Locked> };
  return Object.entries(packages).flatMap(([path, { integrity, resolved, ...manifest }]) => {
    if (integrity === undefined || manifest.version === undefined) return []; // a package of the workspace
    const name = manifest.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const place = `https://registry.npmjs.org/${name}/-/${basename(name)}-${manifest.version}.tgz`;
    return [{ ...manifest, name, version: manifest.version, dist: { tarball: resolved ?? place, integrity } }];
  });
}

function packumentsOf(versions: readonly Version[]): Map<string, Packument> {
  const packuments = new Map<string, Packument>();
  for (const version of versions) {
    const { name } = version;
    const packument = packuments.get(name) ?? { name, 'dist-tags': { latest: '' }, versions: {} };
    packument['dist-tags'].latest = version.version;
    packument.versions[version.version] = version;
    packuments.set(name, packument);
  }
  return packuments;
}
