import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAll } from '../shared/write-all.ts';

/** A new file that grows by what is on the disk. After an append that failed nothing is known of its end: it must be given up. */
export class DurableFile {
  readonly path: string;
  readonly #handle: FileHandle;
  /** Bytes of the head and of whole batches. */
  #length = 0;
  /** Names of the file; where files are said to have none, it cannot be seen that the last one goes. */
  #links = 0;
  #hasEvents = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Makes the file so that its place in the directory survives a crash. Throws `EEXIST` when there is one of this name. */
  static async create(path: string, head: Uint8Array): Promise<DurableFile> {
    const file = new DurableFile(path, await open(path, 'wx'));
    try {
      await writeAll(file.#handle.fd, head);
      file.#length = head.length;
      file.#links = (await file.#handle.stat()).nlink;
      await syncDirectory(dirname(path));
      return file;
    } catch (error) {
      await file.giveUp().catch(() => {});
      throw error;
    }
  }

  /** Resolves when the bytes, and all before them, are on the disk. */
  async append(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#handle.fd, bytes);
    await this.#handle.datasync();
    // What is written to a file without a name is gone when it is closed.
    const { nlink } = await this.#handle.stat();
    if (nlink < this.#links) throw new Error('somebody has deleted the file');
    this.#length += bytes.length;
    this.#hasEvents = true;
  }

  /** Cuts off what a failed append has left, or removes a file without events, and closes it. Rejects when that end has to stay. */
  async giveUp(): Promise<void> {
    try {
      if (this.#hasEvents) {
        await this.#handle.truncate(this.#length);
        await this.#handle.datasync();
      } else await rm(this.path, { force: true });
    } finally {
      await this.#handle.close();
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    // Some network file systems have no such call, and nothing can be done about it.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
}
