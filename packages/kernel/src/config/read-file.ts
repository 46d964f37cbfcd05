import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Far more than a configuration has, and little enough to be planned. */
const BYTES_MAX = 32 * 1024 * 1024;
/** How long who writes into a pipe may take. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/** Why a file is not read to its end: `EFBIG`, there is too much of it, as of `/dev/zero`; `ETIMEDOUT`, nobody writes into a pipe, or does not finish. */
class NotRead extends Error {
  readonly code: 'EFBIG' | 'ETIMEDOUT';

  constructor(code: 'EFBIG' | 'ETIMEDOUT') {
    super(code);
    this.code = code;
  }
}

/** The bytes of a configuration file, which may be a pipe. Rejects with an error that has a `code`, soon, whatever the path leads to. */
export async function readConfigurationFile(path: string, patienceMs = PATIENCE_MS): Promise<Buffer> {
  // To wait for a writer in `open` would take a thread, without which the process could not end.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = (await file.stat()).isFIFO();
    const deadlineMs = performance.now() + patienceMs;
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const chunks: Buffer[] = [];
    for (let total = 0; total <= BYTES_MAX; ) {
      const length = await file.read(chunk).then(({ bytesRead }) => bytesRead, nothingYet);
      if (length === undefined || (length === 0 && total === 0 && isPipe)) {
        if (performance.now() > deadlineMs) throw new NotRead('ETIMEDOUT');
        await sleep(PAUSE_MS);
        continue;
      }
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(chunk.subarray(0, length)));
      total += length;
    }
    throw new NotRead('EFBIG');
  } finally {
    await file.close();
  }
}

function nothingYet(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EAGAIN') throw error;
}
