import { readFileSync } from 'node:fs';

/** The version of Millrace, such as `0.1.0`; all of its packages have one. */
export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
