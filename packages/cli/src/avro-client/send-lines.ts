import { type FileHandle, open } from 'node:fs/promises';
import { RpcError } from '@millrace/rpc';
import { gatherSurroundings } from '../agent/surroundings.ts';
import { ProgressLine } from '../channel/progress.ts';
import type { AvroClientOptions } from '../commands/avro-client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { openClient } from './client.ts';
import { Delivery } from './delivery.ts';
import { readable, readEntries } from './files.ts';
import { linesOf } from './lines.ts';
import { filesToSend, sendOnce } from './spool-files.ts';

const PROGRESS_MS = 200;

/** Sends what the command line names, and says what became of it. Rejects when nothing could be begun. */
export async function sendLines(
  options: AvroClientOptions,
  systemProperties: ReadonlyMap<string, string>,
): Promise<ExitCode> {
  const globals = gatherSurroundings(options.conf, systemProperties);
  for (const note of globals.notes) process.stderr.write(`${note}\n`);
  const { headerFile } = options;
  const entries = headerFile === undefined ? [] : [...(await readEntries(headerFile))];
  const headers = Object.fromEntries(entries.map(([name, { value }]) => [name, value]));
  const send = await openInput(options);
  const client = await openClient(options, globals);

  const delivery = new Delivery(client, headers);
  const progress = new ProgressLine(process.stderr);
  const told = () =>
    `${delivery.sent} ${delivery.sent === 1 ? 'line' : 'lines'} sent, ${delivery.acknowledged} acknowledged`;
  const timer = setInterval(() => progress.show(told()), PROGRESS_MS);
  let failure: Error | undefined;
  try {
    await send(delivery);
  } catch (error) {
    failure = error as Error;
  }
  await client.close();
  clearInterval(timer);
  progress.clear();

  process.stdout.write(`${told()}.\n`);
  if (failure === undefined) return exitCodes.done;
  const refused = failure instanceof RpcError && failure.code === 'MR_PEER_REFUSED';
  const unknown = delivery.acknowledged < delivery.sent && !refused;
  const doubt = unknown ? ' The source may have some of the lines that it has not acknowledged.' : '';
  process.stderr.write(`${failure.message}${doubt}\n`);
  return exitCodes.failed;
}

type Send = (delivery: Delivery) => Promise<void>;

/** Opens what is to be sent; what cannot be read is found before anybody is connected to. */
async function openInput({ filename, dirname }: AvroClientOptions): Promise<Send> {
  if (dirname !== undefined) {
    const first = await readable(dirname, filesToSend(dirname));
    return (delivery) => sendDirectory(dirname, first, delivery);
  }
  if (filename === undefined) return (delivery) => sendAll(process.stdin, delivery);
  const file = await readable(filename, open(filename));
  return async (delivery) => {
    await using opened = file;
    await readable(filename, sendAll(piecesOf(opened), delivery));
  };
}

/** Sends files, and those that have come meanwhile, until there are none. */
async function sendDirectory(directory: string, first: readonly string[], delivery: Delivery): Promise<void> {
  for (let files = first; files.length > 0; files = await filesToSend(directory)) {
    for (const path of files) await sendOnce(path, (file) => sendAll(piecesOf(file), delivery));
  }
}

const piecesOf = (file: FileHandle) => file.createReadStream({ autoClose: false, start: 0 });

async function sendAll(pieces: AsyncIterable<Uint8Array>, delivery: Delivery): Promise<void> {
  for await (const lines of linesOf(pieces)) await delivery.send(lines);
}
