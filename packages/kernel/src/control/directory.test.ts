import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { distrustOf, prepareDirectory, runDirectories, socketPath } from './directory.ts';

const isRoot = process.geteuid?.() === 0;

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-run-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('the environment says where sockets are; what the operator names excludes the rest', () => {
  const paths = (environment: NodeJS.ProcessEnv) => runDirectories(environment).map(({ path }) => path);
  const own = `/tmp/millrace-${process.geteuid?.()}`;
  expect(paths({})).toEqual([own]);
  expect(paths({ XDG_RUNTIME_DIR: '/run/user/7' })).toEqual(['/run/user/7/millrace', own]);
  expect(paths({ XDG_RUNTIME_DIR: '/run/user/7', MILLRACE_RUN_DIR: '/run/m' })).toEqual(['/run/m']);
  expect(paths({ XDG_RUNTIME_DIR: '', MILLRACE_RUN_DIR: '' })).toEqual([own]);
});

test('a directory that is missing is made, closed to others, where there is one to hold it', () => {
  const path = join(scratch(), 'a');
  expect(() => prepareDirectory(join(path, 'b'))).toThrow(/is missing and cannot be made \(ENOENT\)/);
  prepareDirectory(path);
  prepareDirectory(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test.runIf(process.platform === 'linux')('a directory that can never be made is not tried for ever', () => {
  expect(() => prepareDirectory('/proc/self/millrace')).toThrow(/cannot be made/);
});

test('a directory that somebody else could reach is refused, with what to do', () => {
  const inside = scratch();
  const open = join(inside, 'open');
  mkdirSync(open);
  chmodSync(open, 0o750);
  const file = join(inside, 'file');
  writeFileSync(file, '');
  const link = join(inside, 'link');
  symlinkSync(inside, link);
  const nowhere = join(inside, 'nowhere');
  symlinkSync(join(inside, 'missing'), nowhere);

  const refusal = (path: string) => {
    try {
      prepareDirectory(path);
    } catch (error) {
      return String(error).replaceAll(inside, '');
    }
  };
  expect(refusal(open)).toContain('/open is open to others: `chmod 700 /open`');
  expect(refusal(file)).toContain('/file is not a directory');
  expect(refusal(link)).toContain('/link is a symbolic link');
  expect(refusal(nowhere)).toContain('/nowhere is a symbolic link');
  expect(existsSync(join(inside, 'missing'))).toBe(false);
  expect(refusal(join(file, 'below'))).toContain('/file/below cannot be looked at (ENOTDIR)');
});

test.skipIf(!isRoot)('a directory that another user has prepared is refused (needs root)', () => {
  const path = scratch();
  chownSync(path, 65_534, 65_534);
  expect(() => prepareDirectory(path)).toThrow(/belongs to the user 65534, and not to you \(0\)/);
  expect(distrustOf(path, { anyOwner: true })).toBeUndefined();
});

test('every name of an agent has a file of its own, whose path fits the address of a socket', () => {
  const names = ['a1', 'a 1', 'a_1', '../a1', 'é', 'x'.repeat(500), `${'x'.repeat(500)}y`, '.', ''];
  const paths = names.map((name) => socketPath('/run/millrace', name, 4_194_304));
  expect(new Set(paths).size).toBe(names.length);
  expect(basename(paths[0]!)).toBe('a1.4194304.sock');
  for (const path of paths) {
    expect(path).toMatch(/^\/run\/millrace\/[\w.~-]*\.4194304\.sock$/);
    expect(path.length).toBeLessThanOrEqual(107);
  }
});

test('a directory whose path leaves no room for a socket is refused', () => {
  expect(socketPath(`/${'x'.repeat(79)}`, 'x'.repeat(50), 4_194_304)).toHaveLength(107);
  expect(() => socketPath(`/${'x'.repeat(100)}`, 'a1', 4_194_304)).toThrow(/too long .* MILLRACE_RUN_DIR/);
});
