/** Makes the files of a new component from `scripts/templates`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './process.js';

/** What can be made. */
export const kinds = ['source', 'sink', 'interceptor'];

/**
 * The folder of a new component. Ends the script when the type is no name, or is taken.
 * @param {string} kind one of {@link kinds}
 * @param {string} type
 */
export function folderFor(kind, type) {
  if (!/^[a-z][a-z0-9_]*$/.test(type)) {
    fail(
      `"${type}" is not a good type: use small letters, digits and _, beginning with a letter, as in mqtt or file_roll.`,
    );
  }
  const folder = `packages/${kind}s/src/${type}`;
  if (existsSync(join(root, folder))) fail(`There is a ${kind} ${type} already: ${folder}`);
  return folder;
}

/**
 * Writes the folder of a component and puts it on the list of its package.
 * @param {string} kind
 * @param {string} type
 * @param {string} folder
 * @returns {readonly string[]} the files that were written or changed
 */
export function scaffold(kind, type, folder) {
  const camel = type.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase()).replace(/_+$/, '');
  const name = `${camel}${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  const templates = join(root, 'scripts/templates', kind);
  mkdirSync(join(root, folder));
  const files = readdirSync(templates).map((file) => {
    const text = readFileSync(join(templates, file), 'utf8')
      .replaceAll(/\bexample(Source|Sink|Interceptor)\b/g, name)
      .replaceAll(/\bexample\b/g, type);
    writeFileSync(join(root, folder, file), text);
    return `${folder}/${file}`;
  });
  return [...files, list(kind, type, name)];
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
