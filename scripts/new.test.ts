import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Runs `npm run new` with words that it refuses before it changes anything. */
function refused(...words: readonly string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'new.js'), ...words], {
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  return stderr;
}

test.for([[], ['--help'], ['channel', 'mqtt'], ['toString', 'mqtt'], ['source'], ['source', 'mqtt', 'more']])(
  'npm run new with %j explains itself',
  (words) => {
    expect(refused(...words)).toMatch(/^Usage: npm run new -- KIND TYPE\n[\s\S]*source, sink, interceptor/);
  },
);

test('npm run new refuses a type that cannot be a name, and one that exists', () => {
  for (const type of ['Mqtt', '../x', 'my-type', '1a']) {
    expect(refused('source', type)).toContain(`"${type}" is not a good type`);
  }
  expect(refused('sink', 'logger')).toContain('There is a sink logger already: packages/sinks/src/logger');
});
