/**
 * What both bins do. It is plain JavaScript and imports nothing but Node, because on a Node that is too old the first import of
 * anything else would end in a syntax error instead of a sentence.
 */
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';

/**
 * Checks the version of Node and runs the command line.
 * @param {'millrace' | 'flume-ng'} program the name the user typed
 */
export async function launch(program) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 24 || (major === 24 && minor < 6)) {
    process.stderr.write(
      `${program} needs Node 24.6 or later, and this is ${process.versions.node}: install a newer Node, or in a clone of Millrace go through npx.\n`,
    );
    process.exit(1);
  }
  const entry = new URL('../dist/main.js', import.meta.url);
  if (!existsSync(entry)) {
    process.stderr.write(`${program} has not been built in this clone: npm run setup does that.\n`);
    process.exit(1);
  }
  nodeModule.enableCompileCache?.();
  const { main } = await import(entry.href);
  // What a component may have left open must not keep a process that is done.
  process.exit(await main(program, process.argv.slice(2)));
}
