import { type FileHandle, lstat, open, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What Flume's client appends to the name of a file that it has sent: the name of the setting that it forgets to read. */
const SENT_SUFFIX = 'fileSuffix';
/** What its spooling source appends. */
const COMPLETED_SUFFIX = '.COMPLETED';

/** The files of a directory that are still to be sent, the oldest first. */
export async function filesToSend(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('.') && !name.endsWith(SENT_SUFFIX) && !name.endsWith(COMPLETED_SUFFIX));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, changedMs: (await stat(join(directory, name))).mtimeMs })),
  );
  dated.sort((a, b) => a.changedMs - b.changedMs || (a.name < b.name ? -1 : 1));
  return dated.map(({ name }) => join(directory, name));
}

/** Gives an open file to a function, and then marks it as sent. Throws, and leaves its name, when it has changed meanwhile. */
export async function sendOnce(path: string, send: (file: FileHandle) => Promise<void>): Promise<void> {
  await using file = await open(path);
  const before = await file.stat();
  await send(file);
  const after = await file.stat();
  if (after.mtimeMs !== before.mtimeMs || after.size !== before.size) {
    throw new Error(
      `${path} has changed while it was sent, so it keeps its name: move files into the directory when they are complete.`,
    );
  }
  const sent = `${path}${SENT_SUFFIX}`;
  if (await exists(sent))
    throw new Error(`${path} was sent and keeps its name, because there is a ${sent}: move one of them away.`);
  await rename(path, sent);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
