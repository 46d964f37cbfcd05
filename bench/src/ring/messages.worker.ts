import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { add, buildPool, expectedSum } from 'millrace/dist/bench/load.js';
import type { Share } from './contender.ts';
import { fromBytes, toBytes } from './load.ts';

export interface PeerData {
  readonly role: 'send' | 'receive';
  readonly number: number;
  readonly port: MessagePort;
  readonly events: number;
  /** Batches that may be on their way: the sender waits for the receiver's acknowledgement of earlier ones. */
  readonly windowBatches: number;
  readonly transfer: boolean;
}

const { role, number, port, events, windowBatches, transfer } = workerData as PeerData;
/** Often enough that the sender need not stop, seldom enough to cost nothing. */
const ackEvery = Math.max(1, windowBatches >> 2);
const done = (sum: number) => parentPort!.postMessage({ sum } satisfies Share);

if (role === 'send') startSender();
else startReceiver();
parentPort!.postMessage('ready');

function startSender(): void {
  const pool = buildPool(events, number);
  const messages = pool.map(toBytes);
  let sent = 0;
  let acknowledged = 0;
  let wake = () => {};
  port.on('message', (received: number) => {
    acknowledged = received;
    wake();
  });

  parentPort!.on('message', async (batches: number) => {
    for (let at = 0; at < batches; at += 1) {
      while (sent - acknowledged >= windowBatches) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const bytes = messages[at % messages.length]!;
      if (transfer) {
        const copy = bytes.slice();
        port.postMessage(copy, [copy.buffer]);
      } else {
        port.postMessage(bytes);
      }
      sent += 1;
    }
    done(expectedSum(pool, batches));
  });
}

function startReceiver(): void {
  const place = { length: events, end: buildPool(events, number)[0]!.end };
  let received = 0;
  let sum = 0;
  /** How many there will be at the end of this run. */
  let goal = 0;

  port.on('message', (bytes: Uint8Array) => {
    sum = add(sum, fromBytes(bytes, place).checksum());
    received += 1;
    if (received % ackEvery === 0) port.postMessage(received);
    if (received === goal) finish();
  });
  parentPort!.on('message', (batches: number) => {
    goal += batches;
    // All of them may have come before this.
    if (received === goal) finish();
  });

  function finish(): void {
    done(sum);
    sum = 0;
  }
}
