import { ChannelError } from '@millrace/channel-native';
import { LineClient, type RecordedLog, recordLog, type ScratchChannel } from '@millrace/testkit';
import type { DirectRequests, RpcServerOptions } from './server.ts';
import { serve } from './server.ts';

/** A request that a handler was given and has not answered. */
export interface Held {
  readonly bodies: readonly string[];
  accept(): void;
  refuse(error: Error): void;
}

export interface Stage extends AsyncDisposable {
  readonly client: LineClient;
  readonly port: number;
  readonly log: RecordedLog;
  /** Bodies of every request, in the order in which the handler was called. */
  readonly handled: string[][];
  /** With `hold`: requests that wait for the test. */
  readonly held: Held[];
  /** How many connections there are. */
  readonly connections: () => number;
  readonly connect: () => Promise<LineClient>;
  readonly close: () => Promise<void>;
  /** What was put directly: events, requests of one event, requests of many. */
  readonly counted: () => number[];
}

export interface StageOptions extends Omit<Partial<RpcServerOptions>, 'direct'> {
  readonly hold?: boolean;
  readonly channel?: ScratchChannel;
  readonly direct?: boolean;
}

export const FULL = new ChannelError('MR_CHANNEL_FULL', 'The channel is full.');

/**
 * A server with one raw client. Its handler refuses events with the bodies `full` and `broken` as a channel would, and as nothing should;
 * with `hold`, every request waits for the test; with a channel, events go there, and with `direct` also without the handler.
 */
export async function stage({
  hold = false,
  channel,
  direct = channel !== undefined,
  ...options
}: StageOptions = {}): Promise<Stage> {
  const counters = [new Float64Array(1), new Float64Array(1), new Float64Array(1)] as const;
  const log = recordLog();
  const handled: string[][] = [];
  const held: Held[] = [];
  let connections = 0;
  const server = await serve(
    {
      host: '127.0.0.1',
      port: 0,
      protocol: 'avro',
      log,
      onConnections: (change) => {
        connections += change;
      },
      ...options,
      ...(direct && channel && { direct: directInto(channel, counters) }),
    },
    async (batch) => {
      const bodies = Array.from({ length: batch.length }, (_, at) => batch.bodyView(at).toString());
      handled.push(bodies);
      if (hold) await new Promise<void>((accept, refuse) => held.push({ bodies, accept, refuse }));
      if (bodies.includes('full')) throw FULL;
      if (bodies.includes('broken')) throw new TypeError('It broke.');
      await channel?.port.put(batch);
    },
  );
  const { port } = server.address;
  const connect = () => LineClient.connect(port);
  const client = await connect();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= server.close();
    return closing;
  };
  return {
    client,
    port,
    log,
    handled,
    held,
    connections: () => connections,
    connect,
    close,
    counted: () => counters.map(([count]) => count!),
    async [Symbol.asyncDispose]() {
      client.socket.destroy();
      for (const { accept } of held) accept();
      await close();
    },
  };
}

function directInto(
  { port }: ScratchChannel,
  [events, appends, batches]: readonly [Float64Array, Float64Array, Float64Array],
): DirectRequests {
  return { into: port.directEnd([events])!, appends: [appends], batches: [batches] };
}
