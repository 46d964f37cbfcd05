import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tarballs.ts';

/**
 * The Nodes that packages are tried on: the one that runs everything here, and an old one, on x64 the oldest that is supported. `test`
 * depends on another version of the package that the clone has its Node from, so npm puts that one, and its `node`, where no script looks
 * for commands.
 */
export const nodes = [
  process.execPath,
  join(root, 'test', 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node'),
]
  .filter((path) => existsSync(path))
  .map((path) => ({ path, version: execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim() }));
