import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Prints a thousand long lines, ends as the bins do, and says what of that comes out of a shell's pipe. */
function piped(into: string) {
  const program = `
    const { print } = await import(${JSON.stringify(new URL('./print.js', import.meta.url).href)});
    for (let line = 0; line < 1_000; line += 1) await print(line + ' '.repeat(1_000) + '\\n');
    process.exit(0);`;
  const words = ['-c', `"$0" --input-type=module -e "$1" | ${into}`, process.execPath, program];
  const { stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
  return { lines: stdout.split('\n').map((line) => line.trim()), stderr };
}

test('everything arrives at a reader that takes its time, though the process ends', () => {
  const { lines, stderr } = piped('(sleep 0.5; cat)');
  expect(stderr).toBe('');
  expect(lines).toEqual([...Array.from({ length: 1_000 }, (_, line) => String(line)), '']);
});

test('a reader that has seen enough is no failure, however much comes after', () => {
  expect(piped('head -n 1')).toEqual({ lines: ['0', ''], stderr: '' });
});
