import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { ChannelPort, Owner } from '@millrace/channel-native';
import { COMMITTED, COMMITTING, type KillBirth, Ledger, numberOf } from './ledger.ts';

/** Takes until it is killed; commits mostly, gives back sometimes, and holds several leases at times. */
const { address, owner, ledger: memory } = workerData as KillBirth;
const ledger = new Ledger(memory);
const port = new ChannelPort(address, new Owner(owner));

parentPort!.postMessage('begins');
for (let round = 0; ; round += 1) {
  const lease = await port.take({ max: 1 + (round % 40) });
  const second = round % 7 === 0 ? port.tryTake(3) : undefined;
  const events: number[] = [];
  for (let at = 0; at < lease.batch.length; at += 1) {
    const number = numberOf(lease.batch.bodyView(at));
    if (number === undefined) ledger.reportTorn();
    else events.push(number);
  }
  if (round % 5 === 0) await turn();
  if (round % 6 === 0) {
    lease.rollback();
  } else {
    for (const event of events) ledger.mark(event, COMMITTING);
    lease.commit();
    for (const event of events) ledger.mark(event, COMMITTED);
  }
  second?.rollback();
}
