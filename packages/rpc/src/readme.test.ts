import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const home = resolve(import.meta.dirname, '..');

test('the examples of the README, one after the other, send events and receive them', () => {
  const examples = readFileSync(join(home, 'README.md'), 'utf8').matchAll(/```js\n(.*?)```/gs);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-readme-'));
  try {
    mkdirSync(join(folder, 'node_modules/@millrace'), { recursive: true });
    symlinkSync(home, join(folder, 'node_modules/@millrace/rpc'));
    writeFileSync(join(folder, 'example.mjs'), Array.from(examples, ([, example]) => example).join('\n'));
    const printed = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8', timeout: 10_000 });
    const bodies = ['one', 'two', 'three', 'still here', 'as configured'];
    expect(printed).toBe(`{ host: 'here' } Hello world!\n${bodies.map((body) => `{} ${body}\n`).join('')}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
