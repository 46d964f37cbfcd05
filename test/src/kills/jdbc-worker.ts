import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type Batch, BatchBuilder, needOf } from '@millrace/channel-native';
import { type ChannelAddress, type ChannelPort, connectChannel } from '@millrace/kernel/channel';
import { BODY_BYTES, COMMITTED, COMMITTING, EVENTS_PER_PUT, Ledger, numberOf } from './ledger.ts';

/** What a worker at a jdbc channel is told. */
export interface JdbcKillBirth {
  readonly kind: 'putter' | 'taker';
  readonly address: ChannelAddress;
  readonly owner: number;
  readonly ledger: SharedArrayBuffer;
}

const { kind, address, owner, ledger: memory } = workerData as JdbcKillBirth;
const ledger = new Ledger(memory);
const port = await connectChannel(address, owner);
parentPort!.postMessage('begins');
await (kind === 'putter' ? putForEver(port) : takeForEver(port));

/** Puts until it is killed: in one step, in two, and sometimes only half. */
async function putForEver(to: ChannelPort): Promise<void> {
  const builder = new BatchBuilder();
  const body = Buffer.alloc(BODY_BYTES, owner % 256);
  for (let event = 0; event < EVENTS_PER_PUT; event += 1) builder.append(body);
  const batch = builder.finish();
  for (let round = 0; ; round += 1) {
    const put = ledger.nextPut();
    for (let event = 0; event < EVENTS_PER_PUT; event += 1) {
      batch.bodyView(event).writeUInt32LE(put * EVENTS_PER_PUT + event);
    }
    if (await putOnce(to, batch, round)) ledger.acknowledge(put);
  }
}

async function putOnce(to: ChannelPort, batch: Batch, round: number): Promise<boolean> {
  const putting = round % 2 === 0 ? to.tryPut(batch) : false;
  if (putting !== false) {
    await putting;
    return true;
  }
  using reservation = await to.reserve(needOf(batch), { waitMs: 60_000 });
  reservation.fill(batch);
  if (round % 3 === 0) await reservation.commit!();
  if (round % 5 === 0) return false;
  await reservation.publish();
  return true;
}

/** Takes until it is killed; commits mostly, gives back sometimes, and holds several leases at times. */
async function takeForEver(from: ChannelPort): Promise<void> {
  for (let round = 0; ; round += 1) {
    const lease = await from.take({ max: 1 + (round % 40), minEvents: 1, lingerMs: 0 });
    const second = round % 7 === 0 ? await from.tryTake(3) : undefined;
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
      await lease.commit();
      for (const event of events) ledger.mark(event, COMMITTED);
    }
    second?.rollback();
  }
}
