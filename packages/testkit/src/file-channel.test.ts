import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@millrace/kernel/channels/file/channel';
import { file } from '@millrace/kernel/channels/file/spec';
import { onTestFinished } from 'vitest';
import { channelContract } from './channel-contract.ts';
import { recordLog } from './log.ts';

/** The defaults of the specification, in a directory of the test's own. */
function settings(): Record<string, unknown> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-file-channel-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const defaults = Object.entries(file.properties).map(([key, { type }]) => [key, type.parse(undefined)]);
  return {
    ...Object.fromEntries(defaults),
    dataDirectories: [join(directory, 'data')],
    checkpointDirectory: join(directory, 'checkpoint'),
  };
}

channelContract('file', (limits) => create({ ...settings(), ...limits }, { id: 'a1.channels.c1', log: recordLog() }), {
  full: "The channel has reached it's capacity.",
  tooLarge: 'Put queue for FileBackedTransaction of capacity 10 full',
});
