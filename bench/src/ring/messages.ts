import { MessageChannel, Worker } from 'node:worker_threads';
import { type Contender, Crew, mustBeEqual, type Shape } from './contender.ts';
import { WINDOW_EVENTS } from './load.ts';
import type { PeerData } from './messages.worker.ts';

/** Messages between pairs of threads: each batch is one `Uint8Array`, cloned, or copied and then transferred. */
export async function messagesContender(shape: Shape, { transfer }: { transfer: boolean }): Promise<Contender> {
  const name = transfer ? 'postMessage, transferred' : 'postMessage';
  const { events, pairs } = shape;
  const windowBatches = Math.max(2, Math.floor(WINDOW_EVENTS / events / pairs));
  const workers = Array.from({ length: pairs }, (_, number) => {
    const { port1, port2 } = new MessageChannel();
    const start = (role: PeerData['role'], port: typeof port1) => {
      const workerData: PeerData = { role, number, port, events, windowBatches, transfer };
      return new Worker(new URL('./messages.worker.js', import.meta.url), { workerData, transferList: [port] });
    };
    return { receiver: start('receive', port1), sender: start('send', port2) };
  });
  const crew = await Crew.start([...workers.map(({ receiver }) => receiver), ...workers.map(({ sender }) => sender)]);

  return {
    name,
    async run(batches) {
      const { timing, answers } = await crew.run(batches / pairs);
      for (let pair = 0; pair < pairs; pair += 1) {
        mustBeEqual(name, answers[pairs + pair]!.sum, answers[pair]!.sum);
      }
      return timing;
    },
    close: () => crew.close(),
  };
}
