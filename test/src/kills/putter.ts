import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { BatchBuilder, ChannelPort, needOf, Owner } from '@millrace/channel-native';
import { BODY_BYTES, EVENTS_PER_PUT, type KillBirth, Ledger } from './ledger.ts';

/** Puts until it is killed, now in one call, now in steps with time between them. */
const { address, owner, ledger: memory } = workerData as KillBirth;
const ledger = new Ledger(memory);
const port = new ChannelPort(address, new Owner(owner));

const builder = new BatchBuilder();
const body = Buffer.alloc(BODY_BYTES, owner % 256);
for (let event = 0; event < EVENTS_PER_PUT; event += 1) builder.append(body);
const batch = builder.finish();
const numbers = Array.from({ length: EVENTS_PER_PUT }, (_, event) => batch.bodyView(event));

parentPort!.postMessage('begins');
for (let round = 0; ; round += 1) {
  const put = ledger.nextPut();
  for (const [event, number] of numbers.entries()) number.writeUInt32LE(put * EVENTS_PER_PUT + event);
  if (round % 3 > 0) {
    await port.put(batch);
  } else {
    const reservation = await port.reserve(needOf(batch));
    reservation.fill(batch.slice(0, EVENTS_PER_PUT / 2));
    await turn();
    reservation.fill(batch.slice(EVENTS_PER_PUT / 2));
    reservation.publish();
  }
  ledger.acknowledge(put);
  if (round % 8 === 0) await turn();
}
