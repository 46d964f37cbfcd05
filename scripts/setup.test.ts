import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test.for(['setup.js', 'start.js', 'test.js', 'generate.js', 'bench.js', 'pack.js'])(
  '%s says in one message what to do when there is no Rust, and does nothing else',
  (script) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, script)], {
      env: { PATH: '/nowhere', CARGO_HOME: '/nowhere' },
      encoding: 'utf8',
    });
    expect(stderr).toMatch(/^Millrace needs a Rust toolchain [\s\S]*https:\/\/sh\.rustup\.rs[\s\S]*\n$/);
    expect(stderr.trim().split('\n')).toHaveLength(3);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  },
);
