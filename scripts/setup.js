/** `npm run setup`: sets up what is missing. Run again it finds nothing to do and says so. */
import { say } from './lib/process.js';
import { setUp } from './lib/setup.js';

await setUp();
say('Everything is set up. Next: npm start, or npx millrace help.');
