/** Sets up what is missing, in steps that each find out in milliseconds that there is nothing to do. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, fail, has, root, run, say } from './process.js';

/** Rust, packages, native addon and compiled TypeScript: afterwards everything in the repository can run. */
export async function setUp() {
  requireRust();
  await installPackages();
  requireNode();
  await build();
  for (const project of projects()) removeOrphans(join(root, project));
}

/** The directories that hold a package. */
function projects() {
  return ['bench', 'test', ...readdirSync(join(root, 'packages')).map((name) => join('packages', name))];
}

function requireRust() {
  if (has('cargo')) return;
  fail(
    [
      'Millrace needs a Rust toolchain to build its native engine, and there is no cargo on PATH nor in ~/.cargo/bin.',
      "Install one with:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y",
      'Then run the same command again.',
    ].join('\n'),
  );
}

async function installPackages() {
  const stamp = join(root, 'node_modules', '.millrace-installed');
  const wanted = fingerprint([
    'package-lock.json',
    ...['.', ...projects()].map((directory) => join(directory, 'package.json')),
  ]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  say('Installing packages …');
  // Not `npm ci`: it refuses a lock that lacks what other platforms would need. `--no-save` leaves the lock as it is, and warnings
  // would only say that the machine's own Node is older than the one being installed.
  const code = await run('npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
  ]);
  if (code !== 0) fail('npm install failed; its message stands above. Mend that and run the same command again.');
  writeFileSync(stamp, wanted);
}

/** @param {readonly string[]} files */
function fingerprint(files) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const file of files.filter((name) => existsSync(join(root, name)))) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** On Linux the packages bring the right Node along; elsewhere the machine's own must do. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (existsSync(join(bin, 'node')) || major > 24 || (major === 24 && minor >= 6)) return;
  fail(
    `Millrace needs Node 24.6 or later, and this is ${process.version}. Install a newer Node and run the same command again.`,
  );
}

/** What to say when turbo finds that a task really has to run. */
const announcements = {
  '//:native: cache miss': 'Building the native engine (about a minute the first time) …',
  '//:build: cache miss': 'Compiling TypeScript …',
};

async function build() {
  /** @type {string[]} */
  const output = [];
  const code = await run('turbo', ['run', 'build', '--ui=stream', '--output-logs=full'], {
    onLine(line) {
      output.push(line);
      for (const [start, message] of Object.entries(announcements)) if (line.startsWith(start)) say(message);
    },
  });
  if (code === 0) return;
  say(reasonOf(output).join('\n').trim());
  fail('The build failed; the reason stands above.');
}

/**
 * What the task that failed has written; everything, when it was not a task that failed.
 * @param {readonly string[]} output
 */
function reasonOf(output) {
  const failed = output.map((line) => /^Failed: +\/\/#(\w+)/.exec(line)?.[1]).find((task) => task !== undefined);
  if (failed === undefined) return output;
  const start = `//:${failed}: `;
  return output
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length))
    .filter((line) => !/^(npm |> |cache (hit|miss)| +Compiling )/.test(line));
}

/**
 * Removes what sources that are gone left in `dist`, lest a deleted test runs for ever.
 * @param {string} project
 */
function removeOrphans(project) {
  const dist = join(project, 'dist');
  if (!existsSync(dist)) return;
  for (const file of /** @type {string[]} */ (readdirSync(dist, { recursive: true }))) {
    const source = file.match(/^(.+?)(\.d\.ts|\.js)(\.map)?$/)?.[1];
    if (source !== undefined && !existsSync(join(project, 'src', `${source}.ts`))) rmSync(join(dist, file));
  }
}
