import { buildPool } from 'millrace/dist/bench/load.js';
import { type Contender, type Shape, timed } from './contender.ts';
import { toBytes, WINDOW_EVENTS } from './load.ts';

/**
 * The limit: one thread that copies the same bytes and does nothing else. `hot` writes every batch to the same place, so that it stays
 * in the nearest cache that holds it; otherwise the copies go through as much memory as a full channel, as those of a queue do.
 */
export function memcpyContender({ events }: Shape, { hot }: { hot: boolean }): Contender {
  const pool = buildPool(events, 0).map(toBytes);
  const size = pool[0]!.length;
  const places = hot ? 1 : Math.ceil(WINDOW_EVENTS / events);
  const memory = new Uint8Array(size * places).fill(1);

  return {
    name: hot ? 'memcpy, one place' : 'memcpy',
    async run(batches) {
      const { timing } = await timed(() => {
        for (let at = 0; at < batches; at += 1) memory.set(pool[at % pool.length]!, (at % places) * size);
      });
      return timing;
    },
    async close() {},
  };
}
