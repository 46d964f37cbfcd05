import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentStatus } from '../agent.ts';
import { pause } from '../backoff.ts';
import type { Log } from '../component.ts';
import { flumeMetrics } from './flume.ts';
import { PROMETHEUS_TYPE, prometheusMetrics } from './prometheus.ts';

export interface MetricsServerOptions {
  /** 0 takes a free one, which the log tells. */
  readonly port: number;
  /** Without it, every address, as Flume. */
  readonly host?: string;
  /** Called once for each request, and never in between. */
  readonly status: () => AgentStatus;
  readonly log: Log;
  /** The pause before a port that is in use is tried again. Default 3,000. */
  readonly retryMs?: number;
}

/** A server that listens, or waits for its port. */
export interface MetricsServer {
  /** Resolves with its port when it listens, which may take as long as somebody else has the port. */
  readonly listening: Promise<number>;
  close(): Promise<void>;
}

/** Who asks is a monitor or two; whoever else connects shall not take the agent's file descriptors. */
const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;

/** Answers Flume's `/metrics`, in JSON, and `/metrics/prometheus`. */
export function serveMetrics({ port, host, status, log, retryMs = 3_000 }: MetricsServerOptions): MetricsServer {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1_000 });
  server.maxConnections = CONNECTIONS_MAX;
  // One connection, one answer: thousands of requests in one packet, whose answers nobody reads, would take all memory.
  server.maxRequestsPerSocket = 1;
  server.on('dropRequest', (_request, socket) => socket.destroy());
  server.timeout = REQUEST_TIMEOUT_MS;
  server.on('request', (request, response) => respond(request, response, { status, log }));
  server.unref();
  const closing = new AbortController();
  const listening = Promise.withResolvers<number>();

  async function listen(): Promise<void> {
    let said = false;
    while (!closing.signal.aborted) {
      try {
        await once(server.listen({ port, host }), 'listening');
        // From now on that is a connection which could not be accepted: the loss of who made it.
        server.on('error', (error) => log.debug({ error }, 'The server of the metrics has met an error.'));
        const address = server.address() as AddressInfo;
        log.info({ port: address.port }, 'Metrics are at /metrics, and for Prometheus at /metrics/prometheus.');
        return listening.resolve(address.port);
      } catch (error) {
        const sentence = `Metrics cannot be had on this port; it is tried again every ${retryMs} ms.`;
        if (!said) log.warn({ error, port }, sentence);
        said = true;
        await pause(retryMs, closing.signal);
      }
    }
  }

  const opening = listen();
  return {
    listening: listening.promise,
    async close() {
      closing.abort();
      await opening;
      if (!server.listening) return;
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

const ROOT = 'For Flume metrics please click <a href = "./metrics"> here</a>.';

/** What is at a path, in small letters. */
const pages: Readonly<Record<string, { readonly type: string; readonly body: (status: () => AgentStatus) => string }>> =
  {
    '/': { type: 'text/html;charset=utf-8', body: () => ROOT },
    '/metrics': { type: 'application/json;charset=utf-8', body: (status) => JSON.stringify(flumeMetrics(status())) },
    '/metrics/prometheus': { type: PROMETHEUS_TYPE, body: (status) => prometheusMetrics(status()) },
  };

function respond(
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
  { status, log }: Pick<MetricsServerOptions, 'status' | 'log'>,
): void {
  if (method === 'TRACE' || method === 'OPTIONS') return void response.writeHead(403).end();
  const page = pages[url.replace(/\?.*$/s, '').toLowerCase()];
  if (page === undefined) return void response.writeHead(404).end();
  try {
    const body = page.body(status);
    response.writeHead(200, { 'content-type': page.type }).end(body);
  } catch (error) {
    log.error({ error }, 'The metrics could not be gathered.');
    response.writeHead(500).end();
  }
}
