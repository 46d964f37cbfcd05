import { setTimeout as delay } from 'node:timers/promises';
import { newOwner } from '@millrace/channel-native';
import { type ChannelPort, connectChannel } from '../channel.ts';
import type { ChannelKeeper } from './channel-keeper.ts';

/** How soon it is seen whether a channel has brought back from the disk what it still has. */
const WAIT_MS = 5;

/** Under which the main thread has ports. It has one life, and gives back by itself what it holds. */
let owner: number | undefined;

/**
 * Moves all events of one channel into another, in order, while nobody else has a port at either. All or nothing: what does not fit goes
 * into `spare`, which is as the first was. Resolves with the channel that then holds everything, and with the reason when that is the spare one
 * or still the first.
 */
export async function moveContent(
  from: ChannelKeeper,
  to: ChannelKeeper,
  spare: ChannelKeeper,
): Promise<{ readonly holds: ChannelKeeper; readonly reason?: unknown }> {
  if (!to.isOpen) return { holds: from, reason: to.status().lastError };
  if (!spare.isOpen) return { holds: from, reason: spare.status().lastError };
  if (to.held !== 0) return { holds: from, reason: 'the one that should take them has events of its own' };

  let holds = from;
  try {
    const [first, second, third] = await Promise.all([connect(from), connect(to), connect(spare)]);
    const room = second.free();
    if (from.held! > room) return { holds, reason: `there would be room for ${room}` };
    try {
      await pour(first, second);
      return { holds: to };
    } catch (reason) {
      holds = spare;
      await pour(second, third);
      await pour(first, third);
      return { holds, reason };
    }
  } catch (reason) {
    return { holds, reason };
  }
}

function connect({ address }: ChannelKeeper): Promise<ChannelPort> {
  owner ??= newOwner();
  return connectChannel(address, owner);
}

/** Each lease is put whole or not at all, so that no event is ever in both channels or in none. */
async function pour(from: ChannelPort, to: ChannelPort): Promise<void> {
  const max = Math.min(from.transactionCapacity, to.transactionCapacity);
  for (;;) {
    using lease = await from.tryTake(max);
    if (lease === undefined) {
      if ((from.queued?.() ?? 0) === 0) return;
      await delay(WAIT_MS);
      continue;
    }
    const putting = to.tryPut(lease.batch);
    if (putting === false) throw new Error('they do not fit');
    await putting;
    await lease.commit();
  }
}
