import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A copy of this clone that has been set up, for tests that change it. Leaving its scope removes it. */
export interface Clone extends Disposable {
  readonly directory: string;
}

/** Copies what git knows or would know, and what the setup has made of it. */
export function copyClone(): Clone {
  // On the disk of the project, where what is large can be linked.
  const parent = join(root, '.cache');
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, 'clone-'));
  const git = (args: readonly string[], cwd: string) => execFileSync('git', args, { cwd, encoding: 'utf8' });

  const files = git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root).split('\0');
  const made = globSync(['{packages/*,bench,test}/dist', 'packages/channel-native/*.node'], { cwd: root });
  for (const file of [...files.filter((name) => name !== '' && existsSync(join(root, name))), ...made]) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    cpSync(join(root, file), join(directory, file), { recursive: true, preserveTimestamps: true });
  }
  const linked = globSync(['node_modules', '{packages/*,bench,test}/node_modules', '.turbo'], { cwd: root });
  for (const name of linked) execFileSync('cp', ['-al', join(root, name), join(directory, name)]);
  // turbo asks git which files are a task's inputs, and then finds that none has changed.
  git(['init', '--quiet'], directory);
  git(['add', '--all'], directory);
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
