import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const home = resolve(import.meta.dirname, '..');

test('the example of the README passes batches between two plain worker threads', () => {
  const [, example] = /```js\n(.*?)```/s.exec(readFileSync(join(home, 'README.md'), 'utf8')) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-readme-'));
  try {
    mkdirSync(join(folder, 'node_modules/@millrace'), { recursive: true });
    symlinkSync(home, join(folder, 'node_modules/@millrace/channel-native'));
    writeFileSync(join(folder, 'example.mjs'), example!);
    const printed = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8', timeout: 10_000 });
    const lines = printed.trim().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toBe("100 event 0 { host: 'here' }");
    expect(lines[9]).toBe("100 event 900 { host: 'here' }");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
