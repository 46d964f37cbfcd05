import { spawnSync } from 'node:child_process';

/** Why strace cannot watch processes here, if so. */
export function straceMissing(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-D', '-f', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (error !== undefined) return 'There is no strace.';
  return status === 0 ? undefined : `strace may not watch processes: ${stderr.trim()}`;
}
