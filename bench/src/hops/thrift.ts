import type { Options } from '../options.ts';
import { roomyMemory } from './flow.ts';
import { runRpc } from './rpc.ts';

export const run = (options: Options) =>
  runRpc(
    {
      title: 'thrift → memory → null: whole agents beside Flume',
      name: 'thrift',
      protocol: 'thrift',
      channel: () => roomyMemory,
      batches: [
        { batch: 1, timesFlume: 3, limit: { name: 'framed echo', times: 1.8 } },
        { batch: 100, timesFlume: 2 },
        { batch: 1000, timesFlume: 1.7, limit: { name: 'bare reader', times: 1.7 } },
      ],
    },
    options,
  );
