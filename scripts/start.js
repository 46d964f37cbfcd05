/** `npm start`: sets up what is missing and runs the first example until Ctrl-C. */
import { become, say } from './lib/process.js';
import { setUp } from './lib/setup.js';

await setUp();
say(
  String.raw`Once it listens, type in another terminal:  printf 'Hello world!\n' | nc localhost 44444    (Ctrl-C here stops the agent)`,
);
await become('node', ['packages/cli/bin/millrace.js', 'agent', '-n', 'a1', '-f', 'examples/netcat-logger.conf']);
