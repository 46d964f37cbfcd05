import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';

/** The directory of the clone. */
export const root = resolve(import.meta.dirname, '../../..');

/** What a `package.json` says, as far as tests look at it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly engines?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, { readonly types: string }>>;
  readonly imports?: Readonly<Record<string, { readonly types: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package as it is published, and the same unpacked. */
export interface Tarball {
  readonly file: string;
  readonly folder: string;
  readonly manifest: Manifest;
  /** Paths in the package. */
  readonly files: readonly string[];
  /** What its README shows for trying, as one program; undefined when that is no JavaScript. */
  readonly example: string | undefined;
}

/** Packs everything that is published into a directory, unless MILLRACE_PACKED names one where that has been done. */
export function packAll(directory: string): Tarball[] {
  const packed = resolve(root, process.env['MILLRACE_PACKED'] ?? directory);
  const script = join(root, 'scripts', 'pack.js');
  if (packed === directory) execFileSync(process.execPath, [script, '--built', packed], { stdio: 'pipe' });
  return readdirSync(packed)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => unpack(join(packed, name), join(directory, 'unpacked', basename(name, '.tgz'))));
}

function unpack(file: string, folder: string): Tarball {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', file, '-C', folder, '--strip-components=1']);
  const readme = join(folder, 'README.md');
  const blocks = existsSync(readme) ? readFileSync(readme, 'utf8').matchAll(/```js\n(.*?)```/gs) : [];
  return {
    file,
    folder,
    manifest: manifestIn(folder),
    files: filesIn(folder),
    example: Array.from(blocks, ([, block]) => block).join('\n') || undefined,
  };
}

/** Paths of all files below a folder. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** The packages in the clone that are published. */
export function publishedPackages(): Manifest[] {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  return folders.map(manifestIn).filter((manifest) => !manifest.private);
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** What the modules of a package import and cannot have: packages it does not name, files it does not hold. */
export function brokenImports({ folder, files, manifest }: Tarball): string[] {
  const named = [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })];
  const inside = Object.entries(manifest.imports ?? {}).filter(([, { types }]) => files.includes(join(types)));
  const has = (from: string, importer: string): boolean => {
    if (from.startsWith('.')) return files.includes(join(dirname(importer), from));
    if (from.startsWith('#')) return inside.some(([name]) => name === from);
    return from.startsWith('node:') || named.some((name) => from === name || from.startsWith(`${name}/`));
  };
  return files
    .filter((file) => /\.js$|\.d\.ts$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      const specifiers = text.matchAll(/(?:^(?:import|export) [^;]*?from |^import |\bimport\()["']([^"']+)["']/gm);
      return [...new Set(Array.from(specifiers, ([, from = '']) => from))]
        .filter((from) => !has(file.endsWith('.d.ts') ? from.replace(/\.ts$/, '.d.ts') : from, file))
        .map((from) => `${file} imports ${from}`);
    });
}

/** Every name under which something of a package can be imported. */
export function entryPoints({ manifest, files }: Tarball): string[] {
  return Object.entries(manifest.exports ?? {}).flatMap(([name, { types }]) => {
    if (!name.includes('*')) return [join(manifest.name, name)];
    const [before = '', after = ''] = join(types).split('*');
    const matching = files.filter((file) => file.startsWith(before) && file.endsWith(after));
    return matching.map((file) => join(manifest.name, name.replace('*', file.slice(before.length, -after.length))));
  });
}
