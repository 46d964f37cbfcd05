import { randomUUID } from 'node:crypto';
import { create } from '@millrace/kernel/channels/jdbc/channel';
import { channelContract, recordLog } from '@millrace/testkit';
import { afterAll, beforeAll, describe } from 'vitest';
import { PostgresServer, whyNoPostgres } from './postgres/server.ts';

const why = whyNoPostgres();
if (why !== undefined) console.warn(`Skips the tests of PostgreSQL: ${why}.`);

describe.skipIf(why !== undefined)('with PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  channelContract(
    'jdbc',
    ({ capacity, ...limits }) =>
      create(
        { ...limits, maximumCapacity: capacity, createSchema: true, driverUrl: { kind: 'postgres', url: server.url } },
        { id: `a1.channels.${randomUUID()}`, log: recordLog() },
      ),
    {
      full: 'Failed to persist event: Channel capacity reached: maxCapacity: 4, currentSize: 3',
      tooLarge: 'larger than transactionCapacity, which is 10',
    },
  );
});
