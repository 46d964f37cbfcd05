/** `npm run generate`: writes the reference part of the manual from what the code declares. */
import { run } from './lib/process.js';
import { setUp } from './lib/setup.js';

await setUp();
process.exit(await run('node', ['scripts/lib/write-manual.js']));
