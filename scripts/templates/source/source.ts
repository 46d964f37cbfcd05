import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import type { exampleSource } from './spec.ts';

/** How long a request may take to arrive, and how often that is looked at, in milliseconds. */
const patience = { requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/** Listens until it is asked to stop. */
export async function open(context: SourceContext<typeof exampleSource>): Promise<RunningSource> {
  const { config, emit, builder, log, signal } = context;

  /** Takes one event, and says how with a status code. */
  async function take(request: IncomingMessage): Promise<number> {
    if (request.method !== 'POST') return 405;
    const body = await bodyOf(request, config.bodyBytesMax);
    if (body === undefined) return 413;
    builder.append(body);
    // Only now may the sender forget the event: every required channel has it.
    return emit(builder.finish()).then(
      () => 200,
      () => 503,
    );
  }

  const server = createServer(patience, async (request, response) => {
    try {
      const code = await take(request);
      // A connection that stays open would be waited for.
      response.shouldKeepAlive &&= !signal.aborted;
      response.writeHead(code).end();
    } catch (error) {
      log.warn({ error }, 'A request ended before its body did.');
      response.destroy();
    }
  });
  server.listen(config.port, config.host);
  await once(server, 'listening');
  log.info({ address: server.address() }, 'Listening.');

  return {
    async close() {
      const closed = once(server, 'close');
      // Waits for the answers that are due.
      server.close();
      await closed;
    },
  };
}

/** The whole body; undefined when it is longer than it may be. */
async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += piece.length;
    if (bytes <= bytesMax) pieces.push(piece);
  }
  return bytes <= bytesMax ? Buffer.concat(pieces) : undefined;
}
