import type { ChannelHost, CreateChannel } from '../../channel.ts';
import type { ConfigOf } from '../../spec.ts';
import { databaseAt } from './database-at.ts';
import type { Opened } from './messages.ts';
import type { JdbcAddress } from './port.ts';
import { Board, Room } from './shared.ts';
import type { jdbc } from './spec.ts';
import { StoreHost } from './store-host.ts';

/** Above the numbers of the engine's channels, so that each has its own place in the order in which channels are reserved. */
let lastId = 2 ** 32;

/** Opens the channel in the main thread. Channels of one database share its store. */
export const create: CreateChannel = async (config, { id, log }) => {
  const settings = config as ConfigOf<typeof jdbc.properties>;
  const { maximumCapacity: capacity, keepAliveSeconds, transactionCapacity } = settings;
  const channel = id.split('.').at(-1)!;
  const store = await StoreHost.of(await databaseAt(settings, id), capacity, log);
  if (store.capacity !== capacity) {
    log.warn(
      { 'maximum.capacity': store.capacity },
      'Another channel of the same database has said its maximum.capacity before, which holds for both.',
    );
  }
  const opened = await store.open(channel);
  log.info({ database: opened.database, events: opened.events }, 'Opened.');
  const room = new Room(opened.room);
  lastId += 1;
  const address: JdbcAddress = {
    id: lastId,
    channel,
    thread: store.thread,
    room: opened.room,
    board: opened.board,
    keepAliveMs: keepAliveSeconds * 1_000,
    transactionCapacity,
  };
  return {
    address: { module: import.meta.resolve('./port.js'), data: address },
    counters: () => ({ ...countersOf(opened, room), capacity: store.capacity }),
    trim: () => store.trim(),
    reclaim: (owner) => store.reclaim(owner),
    close: () => store.close(channel),
  } satisfies ChannelHost;
};

function countersOf({ board, number }: Opened, room: Room): Record<string, number> {
  const { oldestAt, ...figures } = new Board(board).read();
  const oldestMs = oldestAt === 0 ? 0 : Math.max(0, Date.now() - oldestAt);
  return { ...figures, size: figures.queued, reserved: room.reservedIn(number), oldestMs };
}
