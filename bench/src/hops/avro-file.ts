import { join } from 'node:path';
import { Scratch } from 'millrace/dist/bench/scratch.js';
import type { Options } from '../options.ts';
import type { Result, Skipped } from '../result.ts';
import { runRpc } from './rpc.ts';

const TIMES_FLUME = 20;

export async function run(options: Options): Promise<Result | Skipped> {
  const scratch = new Scratch(options.dir);
  try {
    const where = scratch.inMemory ? `${scratch.parent}, in memory and not on a disk` : scratch.parent;
    return await runRpc(
      {
        title: `avro → file → null: whole agents beside Flume, in ${where}`,
        name: 'avro-file',
        protocol: 'avro',
        channel: (name) => ({
          type: 'file',
          checkpointDir: join(scratch.directory, name, 'checkpoint'),
          dataDirs: join(scratch.directory, name, 'data'),
        }),
        batches: [
          { batch: 100, timesFlume: TIMES_FLUME },
          { batch: 1000, timesFlume: TIMES_FLUME },
        ],
      },
      options,
    );
  } finally {
    scratch.remove();
  }
}
