/**
 * `npm test`: sets up what is missing and runs every test. What failed is told once more at the end, because the end is what people
 * keep of a long output. The last line is `N passed, N failed, N skipped`.
 * Words behind `npm test --` go to vitest (file names, `-t promise`), and then only TypeScript is tested.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDefects } from './lib/defects.js';
import { run, say } from './lib/process.js';
import { setUp } from './lib/setup.js';

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/**
 * Each way in which `cargo test` runs the engine's tests.
 * @type {readonly { name: string, args: readonly string[], env?: Record<string, string> }[]}
 */
const rustVariants = [
  { name: 'the engine', args: ['--package', 'millrace-engine'] },
  {
    name: 'the engine, in every order of its threads',
    args: ['--package', 'millrace-engine', '--release', '--test', 'loom', '--target-dir', 'target/loom'],
    env: { RUSTFLAGS: '--cfg loom' },
  },
];

/** Every test that failed, with what it said. @type {string[]} */
const failures = [];

await setUp();
const chosen = process.argv.slice(2);
const counts = [await testTypeScript(chosen)];
if (chosen.length === 0) {
  for (const variant of rustVariants) counts.push(await testRust(variant));
  counts.push(await testDefects());
}

const total = counts.reduce(add);
const nothingRan = total.passed + total.failed === 0;
if (nothingRan) say('No test ran.');
for (const failure of failures) console.log(`\nFailed: ${failure}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || nothingRan ? 1 : 0);

/**
 * @param {readonly string[]} args
 * @returns {Promise<Count>}
 */
async function testTypeScript(args) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const file = join(directory, 'report.json');
  const code = await run('vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...args,
  ]);
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] };
  rmSync(directory, { recursive: true });

  /** @type {Count} */
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, status, message, assertionResults } of report.testResults) {
    if (status === 'failed' && assertionResults.length === 0) {
      count.failed += 1; // the file could not even be loaded
      failures.push(`${name}\n${message}`);
    }
    for (const test of assertionResults) {
      count[kindOf(test.status)] += 1;
      if (test.status === 'failed') failures.push(`${name} > ${test.fullName}\n${test.failureMessages.join('\n')}`);
    }
  }
  return accountFor(code, count);
}

/**
 * @param {string} status
 * @returns {keyof Count}
 */
function kindOf(status) {
  return status === 'passed' || status === 'failed' ? status : 'skipped';
}

/**
 * @param {typeof rustVariants[number]} variant
 * @returns {Promise<Count>}
 */
async function testRust({ name, args, env = {} }) {
  say(`\nTesting ${name} …`);
  let count = { passed: 0, failed: 0, skipped: 0 };
  const code = await run('cargo', ['test', '--manifest-path', 'packages/channel-native/Cargo.toml', ...args], {
    env,
    onLine(line) {
      console.log(line);
      const test = line.match(/^test (.*) \.\.\. FAILED$/)?.[1];
      if (test !== undefined) failures.push(`${test} (${name})`);
      const result = line.match(/^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/);
      if (result === null) return;
      const [passed = 0, failed = 0, skipped = 0] = result.slice(1).map(Number);
      count = add(count, { passed, failed, skipped });
    },
  });
  return accountFor(code, count);
}

/**
 * A runner that failed although each of its tests passed (an error outside any test, code that does not compile) counts as one failure.
 * @param {number} code
 * @param {Count} count
 * @returns {Count}
 */
function accountFor(code, count) {
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
}

/**
 * @param {Count} one
 * @param {Count} other
 * @returns {Count}
 */
function add(one, other) {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}
