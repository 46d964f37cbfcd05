/** Makes the files of a new component from `scripts/templates`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './process.js';

/** Where the components of each kind live, and the word that stands for what kind it is in their code. */
export const kinds = { source: 'Source', sink: 'Sink', interceptor: 'Interceptor' };

/**
 * Writes the folder of a component and puts it on the list of its package. Ends the script when there is one of that name.
 * @param {string} kind one of {@link kinds}
 * @param {string} type
 * @returns {readonly string[]} the files that were written or changed
 */
export function scaffold(kind, type) {
  if (!/^[a-z][a-z0-9_]*$/.test(type)) {
    fail(
      `"${type}" is not a good type: use small letters, digits and _, beginning with a letter, as in mqtt or file_roll.`,
    );
  }
  const folder = `packages/${kind}s/src/${type}`;
  if (existsSync(join(root, folder))) fail(`There is a ${kind} ${type} already: ${folder}`);

  const templates = join(root, 'scripts/templates', kind);
  const camel = type.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase()).replace(/_+$/, '');
  mkdirSync(join(root, folder));
  const files = readdirSync(templates).map((name) => {
    const text = readFileSync(join(templates, name), 'utf8')
      .replaceAll(/\bexample(Source|Sink|Interceptor)\b/g, `${camel}$1`)
      .replaceAll(/\bexample\b/g, type);
    writeFileSync(join(root, folder, name), text);
    return `${folder}/${name}`;
  });
  return [...files, list(kind, type, `${camel}${kinds[/** @type {keyof typeof kinds} */ (kind)]}`)];
}

/**
 * Puts a component on the list of its package, in the order of types.
 * @param {string} kind
 * @param {string} type
 * @param {string} name what its spec is called in code
 */
function list(kind, type, name) {
  const file = `packages/${kind}s/src/index.ts`;
  const [head, ...entries] = readFileSync(join(root, file), 'utf8').split(/(?=^ {2}\{ spec: )/m);
  const last = entries.pop()?.split(/(?=^\];)/m) ?? [];
  const entry = `  { spec: ${name}, module: new URL('./${type}/${kind}.js', import.meta.url) },\n`;
  const sorted = [...entries, last[0], entry].sort((a, b) => (typeIn(a) < typeIn(b) ? -1 : 1));
  const text = [`import { ${name} } from './${type}/spec.ts';\n`, head, ...sorted, last[1]].join('');
  writeFileSync(join(root, file), text);
  return file;
}

/** The folder that an entry of the list names. @param {string | undefined} entry */
const typeIn = (entry = '') => /'\.\/(\w+)\//.exec(entry)?.[1] ?? '';
