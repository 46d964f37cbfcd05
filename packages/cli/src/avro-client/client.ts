import { withGlobals } from '@millrace/kernel/config/globals';
import { tlsClientProperties } from '@millrace/kernel/tls-properties';
import { clientOf, connect, type RpcClient, RpcError } from '@millrace/rpc';
import type { Surroundings } from '../agent/surroundings.ts';
import type { AvroClientOptions } from '../commands/avro-client.ts';
import { readEntries } from './files.ts';

/** Events in one request where nothing else is said, as in Flume. */
const BATCH_SIZE = 5;

/** Connects as the command line says. Rejects with what stands in the way. */
export async function openClient(
  { host, port, rpcProps }: AvroClientOptions,
  globals: Surroundings,
): Promise<RpcClient> {
  if (rpcProps === undefined) return connect({ protocol: 'avro', host: host!, port: port!, batchSize: BATCH_SIZE });
  const place = { file: rpcProps, line: 1, column: 1 };
  const entries = withGlobals({ properties: tlsClientProperties }, await readEntries(rpcProps), globals, place);
  try {
    return await clientOf(new Map([...entries].map(([name, { value }]) => [name, value])));
  } catch (error) {
    // What a peer or the network does is no mistake in the file.
    if (error instanceof RpcError) throw error;
    throw new Error(`${rpcProps}: ${(error as Error).message}`, { cause: error });
  }
}
