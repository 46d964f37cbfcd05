import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchForChange, writtenAt } from './watch.ts';

function watched(settleMs = 1) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-watch-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'a.conf');
  writeFileSync(file, 'x');
  const onChange = vi.fn();
  onTestFinished(watchForChange({ since: writtenAt([file]), everyMs: 5, settleMs }, onChange));
  const writeAt = (inSeconds: number) => utimesSync(file, new Date(), new Date(Date.now() + inSeconds * 1_000));
  return { file, onChange, writeAt };
}

test('tells of a file each time it was written, and once', async () => {
  const { file, onChange, writeAt } = watched();
  writeAt(1);
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledExactlyOnceWith(file), 10_000);
  await delay(30);
  expect(onChange).toHaveBeenCalledTimes(1);
  writeAt(2);
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), 10_000);
});

test('takes a file that is gone, or older than before, for unchanged', async () => {
  const { file, onChange, writeAt } = watched();
  writeAt(-10);
  await delay(30);
  rmSync(file);
  await delay(30);
  expect(onChange).not.toHaveBeenCalled();
});

test('tells of a file that is being written when that is over', async () => {
  const { onChange, writeAt } = watched(40);
  for (let second = 1; second <= 10; second += 1) {
    writeAt(second);
    await delay(20);
    expect(onChange).not.toHaveBeenCalled();
  }
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1), 10_000);
});

test('goes on when a file could not be looked at for a while', async () => {
  const { file, onChange, writeAt } = watched();
  rmSync(file);
  symlinkSync(file, file);
  await delay(30);
  rmSync(file);
  writeFileSync(file, 'x');
  writeAt(1);
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledExactlyOnceWith(file), 10_000);
});
