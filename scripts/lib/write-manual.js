/** Writes `docs/reference` from the compiled declarations; runs on the pinned Node, behind `npm run generate`. */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorTable, manualIndex, manualPage } from '../../packages/kernel/dist/manual.js';
import { configurationSchema } from '../../packages/kernel/dist/schema.js';
import { fail, root } from './process.js';

const reference = 'docs/reference';

/** @type {Map<import('../../packages/kernel/dist/spec.js').Spec, string>} */
const specs = new Map();
for (const module of globSync('packages/*/dist/**/spec.js', { cwd: root }).sort()) {
  const origin = module.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
  for (const value of Object.values(await import(join(root, module)))) if (isSpec(value)) specs.set(value, origin);
}
if (specs.size === 0) fail('There is no component to write about: has the build left out the packages?');

/** @type {Map<string, string>} */
const pages = new Map([[`${reference}/README.md`, manualIndex([...specs.keys()])]]);
for (const [spec, origin] of specs) pages.set(`${reference}/${spec.kind}s/${spec.type}.md`, manualPage(spec, origin));
pages.set(`${reference}/errors.md`, withTable(readFileSync(join(root, reference, 'errors.md'), 'utf8')));
pages.set(`${reference}/schema.json`, `${JSON.stringify(configurationSchema([...specs.keys()]), undefined, 2)}\n`);

for (const stale of globSync(`${reference}/*/*.md`, { cwd: root })) if (!pages.has(stale)) rmSync(join(root, stale));
for (const [file, text] of pages) {
  mkdirSync(join(root, dirname(file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

/**
 * @param {unknown} value
 * @returns {value is import('../../packages/kernel/dist/spec.js').Spec}
 */
function isSpec(value) {
  return typeof value === 'object' && value !== null && 'kind' in value && 'properties' in value;
}

/** Puts the table of codes in its place; the explanations below it are written by hand. @param {string} page */
function withTable(page) {
  const place = /(<!-- table -->\n)[\s\S]*?(<!-- end of table -->)/;
  if (!place.test(page))
    fail(`${reference}/errors.md has lost the marks around its table: <!-- table --> and <!-- end of table -->.`);
  return page.replace(place, (_, start, end) => `${start}${errorTable()}\n${end}`);
}
