/**
 * The defects that the proof of durability must notice: each is made in turn, and the test beside it in docs/design/durability.md has to fail.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, say } from './process.js';

/**
 * The defects that the engine can have, and the test that is to notice each.
 * @returns {{ defect: string, test: string }[]}
 */
export function defects() {
  const text = readFileSync(join(root, 'docs/design/durability.md'), 'utf8');
  const rows = text.matchAll(/^\| .* \| `(?<defect>\w+)` \| \[`(?<test>\w+)`\]\(.*\) \|$/gm);
  return [...rows].map(({ groups = {} }) => ({ defect: groups['defect'] ?? '', test: groups['test'] ?? '' }));
}

/** @returns {Promise<{ passed: number, failed: number, skipped: number }>} */
export async function testDefects() {
  say('\nMaking the known defects of others, one after the other …');
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { defect, test } of defects()) {
    const begun = performance.now();
    const noticed = await isNoticed(defect, test);
    const took = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    console.log(noticed ? `noticed ${defect} (${took})` : `NOT NOTICED: ${defect}, by ${test}`);
    count[noticed ? 'passed' : 'failed'] += 1;
  }
  return count;
}

/**
 * Whether exactly this test runs, and fails.
 * @param {string} defect
 * @param {string} test
 */
async function isNoticed(defect, test) {
  let result = '';
  const engine = ['--manifest-path', 'packages/channel-native/Cargo.toml', '--package', 'millrace-engine', '--lib'];
  await run('cargo', ['test', '--quiet', ...engine, '--', `::${test}`], {
    env: { MILLRACE_DEFECT: defect, RUST_BACKTRACE: '0' },
    onLine(line) {
      if (line.startsWith('test result:')) result = line;
    },
  });
  return /: FAILED\. 0 passed; 1 failed;/.test(result);
}
