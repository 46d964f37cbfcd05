import { parentPort, workerData } from 'node:worker_threads';
import { type Batch, type ChannelAddress, ChannelPort, Owner, type OwnerId } from '@millrace/channel-native';
import { add, buildPool, expectedSum } from 'millrace/dist/bench/load.js';
import type { Share } from './contender.ts';

export interface EndData {
  readonly role: 'put' | 'take';
  readonly number: number;
  readonly owner: OwnerId;
  readonly address: ChannelAddress;
  readonly events: number;
  readonly checksum: boolean;
}

const { role, number, owner, address, events, checksum } = workerData as EndData;
const port = new ChannelPort(address, new Owner(owner));
const pool = role === 'put' ? buildPool(events, number) : [];

parentPort!.on('message', async (batches: number) => {
  const sum = role === 'put' ? await put(pool, batches) : await take(batches);
  parentPort!.postMessage({ sum } satisfies Share);
});
parentPort!.postMessage('ready');

async function put(pool: readonly Batch[], batches: number): Promise<number> {
  for (let at = 0; at < batches; at += 1) {
    const batch = pool[at % pool.length]!;
    if (!port.tryPut(batch)) await port.put(batch);
  }
  return checksum ? expectedSum(pool, batches) : 0;
}

async function take(batches: number): Promise<number> {
  let sum = 0;
  for (let left = batches * events; left > 0; ) {
    const taking = port.take({ max: Math.min(events, left) });
    const lease = taking instanceof Promise ? await taking : taking;
    if (checksum) sum = add(sum, lease.batch.checksum());
    left -= lease.batch.length;
    lease.commit();
  }
  return sum;
}
