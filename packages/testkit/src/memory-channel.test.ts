import { create } from '@millrace/kernel/channels/memory/channel';
import { channelContract } from './channel-contract.ts';
import { recordLog } from './log.ts';

channelContract(
  'memory',
  (limits) =>
    create({ ...limits, byteCapacity: 4 << 20, byteCapacityBufferPercentage: 20 }, { id: 'c1', log: recordLog() }),
  {
    full: "Space for commit to queue couldn't be acquired. Sinks are likely not keeping",
    tooLarge: 'Put queue for MemoryTransaction of capacity 10 full',
  },
);
