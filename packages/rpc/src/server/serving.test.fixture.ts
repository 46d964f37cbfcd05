import { parentPort } from 'node:worker_threads';
import { serve } from './server.ts';

// A server in a thread of its own, which says where it listens.
const server = await serve({ host: '127.0.0.1', port: 0, protocol: 'thrift-compact' }, async () => {});
parentPort!.postMessage(server.address.port);
