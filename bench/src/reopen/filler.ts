import { BatchBuilder, ChannelPort, FileChannel, Owner } from '@millrace/channel-native';
import { BODY_BYTES } from 'millrace/dist/bench/load.js';
import { optionsIn } from './reopen.ts';

/**
 * A process of its own: puts `events` into the file channel of a directory, as fast as it takes them, and kills itself in the middle of a segment's end:
 * most of what it wrote since the last checkpoint is then to be read. Arguments: directory, events.
 */
const [directory = '', wanted = '0'] = process.argv.slice(2);
const BATCH = 1_000;
const IN_FLIGHT = 16;

const channel = await FileChannel.open(optionsIn(directory));
const port = new ChannelPort(channel.address, new Owner());
const builder = new BatchBuilder();
for (let at = 0; at < BATCH; at += 1) builder.append(new Uint8Array(BODY_BYTES).fill(at));
const batch = builder.finish();
let left = Number(wanted) / BATCH;
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    for (; left > 0; left -= 1) await port.put(batch);
  }),
);
process.kill(process.pid, 'SIGKILL');
