import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@millrace/kernel/channels/jdbc/channel';
import { onTestFinished } from 'vitest';
import { channelContract } from './channel-contract.ts';
import { recordLog } from './log.ts';

/** A configuration with a file of the test's own. */
function configOf({
  capacity,
  ...limits
}: {
  capacity: number;
  transactionCapacity: number;
  keepAliveSeconds: number;
}) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-jdbc-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const driverUrl = { kind: 'sqlite', file: join(directory, 'db.sqlite'), insteadOfDerby: false };
  return { ...limits, maximumCapacity: capacity, createSchema: true, driverUrl };
}

channelContract('jdbc', (limits) => create(configOf(limits), { id: 'a1.channels.c1', log: recordLog() }), {
  full: 'Failed to persist event: Channel capacity reached: maxCapacity: 4, currentSize: 3',
  tooLarge: 'larger than transactionCapacity, which is 10',
});
