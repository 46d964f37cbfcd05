/** `npm run new -- source mqtt`: makes a component that compiles, runs and passes its contract suite, for you to change. */

import { fail, run, say } from './lib/process.js';
import { folderFor, kinds, scaffold } from './lib/scaffold.js';
import { setUp } from './lib/setup.js';

const [kind = '', type = '', ...rest] = process.argv.slice(2);
if (!kinds.includes(kind) || type === '' || rest.length > 0) {
  fail(
    `Usage: npm run new -- KIND TYPE\n\nKIND is ${kinds.join(', ')}; TYPE is what people will write as its type, such as mqtt.`,
  );
}

const folder = folderFor(kind, type);
await setUp();
const files = scaffold(kind, type, folder);
const failed = (await run('biome', ['check', '--write', '--log-level=error', ...files])) !== 0;
if (failed) fail('What was made does not hold to the style; the reason stands above.');
await setUp();
if ((await run('node', ['scripts/lib/write-manual.js'])) !== 0) fail('Its page of the manual could not be written.');

say(`The ${kind} type ${type} is made:
${files.map((file) => `  ${file}`).join('\n')}
  docs/reference/${kind}s/${type}.md

Next:
  npm test -- ${kind}s/dist/${type}     runs its tests, the contract of every ${kind} among them
  change spec.ts, ${kind}.ts and the test to what yours shall be; npm run generate brings its page along`);
