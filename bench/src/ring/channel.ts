import { Worker } from 'node:worker_threads';
import { MemoryChannel, newOwner, type OwnerId, reclaimOwner } from '@millrace/channel-native';
import { add } from 'millrace/dist/bench/load.js';
import type { EndData } from './channel.worker.ts';
import { type Contender, Crew, mustBeEqual, type Shape } from './contender.ts';
import { WINDOW_EVENTS } from './load.ts';

/** The memory channel between putters and takers in threads of their own. */
export async function channelContender(shape: Shape, { checksum }: { checksum: boolean }): Promise<Contender> {
  const name = checksum ? 'channel' : 'channel, bodies not read';
  const channel = new MemoryChannel({ capacity: WINDOW_EVENTS, transactionCapacity: 1_000 });
  const { address } = channel;
  const owners: OwnerId[] = [];
  const start = (role: EndData['role'], number: number) => {
    const owner = newOwner();
    owners.push(owner);
    const workerData: EndData = { role, number, owner, address, events: shape.events, checksum };
    return new Worker(new URL('./channel.worker.js', import.meta.url), { workerData });
  };
  const numbers = Array.from({ length: shape.pairs }, (_, number) => number);
  const takers = numbers.map((number) => start('take', number));
  const putters = numbers.map((number) => start('put', number));
  const crew = await Crew.start([...takers, ...putters]);

  return {
    name,
    async run(batches) {
      const { timing, answers } = await crew.run(batches / shape.pairs);
      const sums = answers.map(({ sum }) => sum);
      const total = (of: readonly number[]) => of.reduce(add, 0);
      mustBeEqual(name, total(sums.slice(shape.pairs)), total(sums.slice(0, shape.pairs)));
      const { queued, leased } = channel.counters();
      mustBeEqual(`${name}: events left`, 0, queued + leased);
      return timing;
    },
    async close() {
      await crew.close();
      for (const owner of owners) reclaimOwner(owner);
      channel.close();
    },
  };
}
