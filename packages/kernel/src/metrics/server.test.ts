import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { memoryLog } from '../fixtures/memory-log.ts';
import { agentStatus, meteredStatus, specs } from '../fixtures/status.ts';
import { type MetricsServerOptions, serveMetrics } from './server.ts';

function serve(options: Partial<MetricsServerOptions> = {}) {
  const log = memoryLog();
  const status = () => agentStatus({ sources: [meteredStatus(specs.listener, 'r1', { received: 7 })] });
  const server = serveMetrics({ port: 0, host: '127.0.0.1', status, log, ...options });
  onTestFinished(() => server.close());
  return { server, log };
}

/** `fetch` knows no TRACE. */
async function ask(port: number, path: string, method = 'GET') {
  const asked = request({ host: '127.0.0.1', port, path, method, agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  let body = '';
  for await (const piece of response) body += piece;
  return { status: response.statusCode as number, type: response.headers['content-type'] as string, body };
}

test('Flume’s JSON is at /metrics, in any case and with any query, and Prometheus’ text below it', async () => {
  const { server } = serve();
  const port = await server.listening;
  for (const path of ['/metrics', '/METRICS', '/metrics?now=1']) {
    const { status, type, body } = await ask(port, path);
    expect({ status, type }).toEqual({ status: 200, type: 'application/json;charset=utf-8' });
    expect(JSON.parse(body)['SOURCE.r1'].EventReceivedCount).toBe('7');
  }
  const { type, body } = await ask(port, '/metrics/prometheus');
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(body).toContain('Flume_EventReceivedCount_total{agent="a1",kind="source",component="r1"} 7\n');
});

test.for([
  ['GET', '/', 200],
  ['POST', '/metrics', 200],
  ['DELETE', '/metrics', 200],
  ['GET', '/nope', 404],
  ['GET', '/metrics/', 404],
  ['GET', '//', 404],
  ['GET', '/constructor', 404],
  ['TRACE', '/metrics', 403],
  ['OPTIONS', '/nope', 403],
] as const)('%s %s is answered with %i', async ([method, path, status]) => {
  const { server } = serve();
  expect(await ask(await server.listening, path, method)).toMatchObject({ status });
});

test('a port that is in use is tried until it is free, and that is said once', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { server, log } = serve({ port, retryMs: 20 });
  await sleep(200);
  expect(log.lines).toEqual(['Metrics cannot be had on this port; it is tried again every 20 ms.']);
  other.close();
  expect(await server.listening).toBe(port);
  expect(await ask(port, '/metrics')).toMatchObject({ status: 200 });
});

test('a close ends the wait for a port, and everything that is open', async () => {
  const { server } = serve();
  const port = await server.listening;
  const slow = connect(port, '127.0.0.1').on('error', () => {});
  await once(slow, 'connect');
  slow.write('GET /metrics HTTP/1.1\r\n');
  await sleep(50);
  const ended = once(slow, 'close');
  await server.close();
  await ended;
  await expect(ask(port, '/metrics')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  await serve({ port: (other.address() as AddressInfo).port, retryMs: 60_000 }).server.close();
});

test('figures that cannot be gathered are an error of that request alone', async () => {
  const status = vi.fn<() => ReturnType<typeof agentStatus>>(() => agentStatus());
  status.mockImplementationOnce(() => {
    throw new Error('broken');
  });
  const { server, log } = serve({ status });
  const port = await server.listening;
  expect(await ask(port, '/metrics')).toMatchObject({ status: 500 });
  expect(await ask(port, '/metrics')).toMatchObject({ status: 200, body: '{}' });
  expect(log.lines).toContain('The metrics could not be gathered.');
});

test('many requests in one packet cost no more than one', async () => {
  const statuses = vi.fn(() => agentStatus({}));
  const { server } = serve({ status: statuses });
  const socket = connect(await server.listening, '127.0.0.1').resume();
  socket.on('error', () => {}); // the server resets it
  socket.write('GET /metrics/prometheus HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000));
  await once(socket, 'close');
  expect(statuses).toHaveBeenCalledTimes(1);
});

test('who only connects takes no more than their share, and those who ask are still answered', async () => {
  const { server } = serve();
  const port = await server.listening;
  const idle = Array.from({ length: 63 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  expect(await ask(port, '/metrics')).toMatchObject({ status: 200 });
  const refused = connect(port, '127.0.0.1').on('error', () => {});
  const another = connect(port, '127.0.0.1').on('error', () => {});
  await Promise.race([once(refused, 'close'), once(another, 'close')]);
  for (const socket of [...idle, refused, another]) socket.destroy();
});
