/**
 * `npm run pack [-- DIRECTORY] [--addons DIRECTORY]`: builds, and puts the tarball of every package that is published into a directory, `packed` if
 * none is named. The addon of each platform goes into a package of its own; one that has not been built here is left out. With `--addons` they are
 * taken from a directory that must have all of them. `--built` packs what is there.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, root, run, say } from './lib/process.js';
import { setUp } from './lib/setup.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { addons: { type: 'string' }, built: { type: 'boolean' } },
});
const directory = resolve(positionals[0] ?? 'packed');
const native = join(root, 'packages', 'channel-native');
/** Where the packages are that are not in the clone: those of the platforms, and channel-native, which names them. */
const staged = join(native, 'npm');

if (!values.built) await setUp();
const platforms = await stagePlatforms();
stageNative(platforms);
const published = readdirSync(join(root, 'packages'))
  .map((name) => join(root, 'packages', name))
  .filter((folder) => folder !== native && !manifestOf(folder).private);
mkdirSync(directory, { recursive: true });
const folders = [...platforms.filter(addAddon), join(staged, basename(native)), ...published];
if ((await run('npm', ['pack', '--silent', '--pack-destination', directory, ...folders])) !== 0)
  fail('npm pack failed; its message stands above.');

/** Makes the folders of the platforms' packages, without their addons. */
async function stagePlatforms() {
  rmSync(staged, { recursive: true, force: true });
  if ((await run('napi', ['create-npm-dirs', '--cwd', native], { onLine() {} })) !== 0)
    fail(`napi create-npm-dirs failed: run it in ${native} to see why.`);
  return readdirSync(staged).map((platform) => join(staged, platform));
}

/**
 * Makes the folder of channel-native as it is published: only there it depends on the packages of the platforms, because npm would
 * look for them in a registry that does not have this version yet.
 * @param {readonly string[]} platforms
 */
function stageNative(platforms) {
  const folder = join(staged, basename(native));
  for (const name of ['README.md', 'LICENSE', 'dist', 'src/native.d.ts'])
    cpSync(join(native, name), join(folder, name), { recursive: true });
  const optionalDependencies = Object.fromEntries(
    platforms.map(manifestOf).map(({ name, version }) => [name, version]),
  );
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ ...manifestOf(native), optionalDependencies }, undefined, 2)}\n`,
  );
}

/**
 * Puts the addon of a platform into the folder of its package; false when there is none.
 * @param {string} folder
 */
function addAddon(folder) {
  const { name, main } = manifestOf(folder);
  const addon = join(resolve(values.addons ?? native), main);
  if (!existsSync(addon)) {
    if (values.addons !== undefined) fail(`${addon} is missing, so ${name} cannot be packed.`);
    say(`Leaving out ${name}: its addon is built on such a machine.`);
    return false;
  }
  cpSync(addon, join(folder, main));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  return true;
}

/** @param {string} folder */
function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
