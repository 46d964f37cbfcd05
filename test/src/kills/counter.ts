import { parentPort, workerData } from 'node:worker_threads';
import { BatchBuilder, type ChannelAddress, ChannelPort, needOf, Owner, type OwnerId } from '@millrace/channel-native';

/** What the worker is told: `done` counts what it was told is done, by one call after the other, until it is killed. */
export interface CounterBirth {
  readonly address: ChannelAddress;
  readonly owner: OwnerId;
  readonly what: 'put' | 'reserve and publish' | 'take and commit';
  readonly done: Int32Array;
}

const { address, owner, what, done } = workerData as CounterBirth;
const port = new ChannelPort(address, new Owner(owner));
const builder = new BatchBuilder();
builder.append('x');
const batch = builder.finish();
const need = needOf(batch);

parentPort!.postMessage('begins');
// Each loop stands by itself and calls nothing else, so that V8 looks for an end of the thread as seldom as it can.
if (what === 'put') {
  for (;;) if (port.tryPut(batch)) done[0]! += 1;
}
if (what === 'reserve and publish') {
  for (;;) {
    const reservation = port.tryReserve(need)!;
    reservation.fill(batch);
    reservation.publish();
    done[0]! += 1;
  }
}
for (;;) {
  port.tryPut(batch);
  port.tryTake(1)!.commit();
  done[0]! += 1;
}
