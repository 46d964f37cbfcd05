import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to connections: nobody gets one of these while its agent is started, or started again. */
const FIRST = 20_000;
const COUNT = 12_000;
/** Processes that were started one after the other begin so far apart. */
const STRIDE = 97;

let drawn = process.pid * STRIDE;

/** A TCP port of the loopback address that nobody listens on at the moment, and not one that was given here before. */
export async function freePort(): Promise<number> {
  for (;;) {
    drawn += 1;
    const port = FIRST + (drawn % COUNT);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue; // somebody listens on it
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
