/** `npm run bench -- [options]`: sets up what is missing and runs the benchmarks; `npm run bench -- --help` lists the options. */
import { become } from './lib/process.js';
import { setUp } from './lib/setup.js';

await setUp();
await become('node', ['bench/dist/main.js', ...process.argv.slice(2)]);
