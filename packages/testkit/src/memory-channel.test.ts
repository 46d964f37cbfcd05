import { create } from '@millrace/kernel/channels/memory/channel';
import { channelContract } from './channel-contract.ts';
import { recordLog } from './log.ts';

channelContract('memory', (limits) =>
  create({ ...limits, byteCapacity: 4 << 20, byteCapacityBufferPercentage: 20 }, { id: 'c1', log: recordLog() }),
);
