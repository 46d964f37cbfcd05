import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogOutput } from './log-output.ts';

/** A pipe that nobody reads from until `read` is called, which returns all there is. */
function pipe() {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });
  const bytes = Buffer.alloc(1 << 20);
  return { fd, read: () => bytes.toString('latin1', 0, readSync(fd, bytes)) };
}

test('lines that nobody reads are dropped after a while, and the first one that is read is preceded by their number', () => {
  const { fd, read } = pipe();
  const output = new LogOutput(fd, (dropped, reason) => `${dropped} dropped: ${reason}\n`);
  const line = `${'x'.repeat(30_000)}\n`;
  const began = performance.now();
  for (let count = 0; count < 10; count += 1) output.write(line);
  expect(performance.now() - began).toBeLessThan(3_000);

  const [first, second, torn, rest] = read().split('\n');
  expect([first, second]).toEqual([line.trim(), line.trim()]);
  expect(torn?.length).toBeLessThan(30_000);
  expect(rest).toBeUndefined();

  output.write('again\n');
  output.write('and again\n');
  expect(read()).toBe('\n8 dropped: EAGAIN\nagain\nand again\n');
});
