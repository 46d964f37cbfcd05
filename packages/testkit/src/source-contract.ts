import type { Registration } from '@millrace/kernel/config/plan-types';
import { describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { watchHandles } from './handles.ts';
import { type OpenComponent, openSource } from './open.ts';
import { freePort } from './port.ts';
import { ScratchChannel } from './scratch-channel.ts';
import type { Settings } from './settings.ts';

/** What a client is told about an event it sent. */
export type Outcome = 'accepted' | 'refused';

/** The other end of a source: how to set it up on a port, and how to send to it. */
export interface SourcePeer {
  /** Settings with which the source listens on this port of the loopback address. */
  settings(port: number): Settings;
  /** Connects a client. Rejects when nobody listens. */
  connect(port: number): Promise<SourceClient>;
}

/** One client of a source. */
export interface SourceClient {
  /**
   * Sends an event for each body, one request for each, without waiting between them. Resolves with what was answered, in order; with fewer
   * answers than bodies when the source ended the connection.
   */
  send(bodies: readonly string[]): Promise<readonly Outcome[]>;
  /** Ends the connection; resolves when it is closed on both sides. */
  close(): Promise<void>;
}

/** What every source that listens and answers promises. Call it at the top of the source's test file. */
export function sourceContract(registration: Registration, peer: SourcePeer): void {
  /** Runs a test with an open source, a client and a channel, all of them closed at its end. */
  async function withClient(
    channel: ScratchChannel,
    act: (parts: { source: OpenComponent; client: SourceClient; port: number }) => Promise<void>,
  ): Promise<void> {
    using _channel = channel;
    const port = await freePort();
    await using source = await openSource(registration, peer.settings(port), { required: [channel] });
    const client = await peer.connect(port);
    await act({ source, client, port });
    await client.close();
  }

  describe(`a ${registration.spec.type} source`, () => {
    test('listens as soon as it is open, and puts what it is sent into the channel in order', async () => {
      const channel = new ScratchChannel();
      await withClient(channel, async ({ client }) => {
        expect(await client.send(['one', 'two', 'three'])).toEqual(['accepted', 'accepted', 'accepted']);
        expect(channel.takeBodies()).toEqual(['one', 'two', 'three']);
      });
    });

    test('tells the client which events the channel refused, and goes on with the next', async () => {
      const channel = new ScratchChannel({ capacity: 2, transactionCapacity: 2 });
      await withClient(channel, async ({ source, client }) => {
        expect(await client.send(['1', '2', '3', '4'])).toEqual(['accepted', 'accepted', 'refused', 'refused']);
        expect(source.figures()).toMatchObject({ received: 4, accepted: 2, rejected: 2, filtered: 0 });
        expect(channel.takeBodies()).toEqual(['1', '2']);
        expect(await client.send(['5'])).toEqual(['accepted']);
        expect(channel.takeBodies()).toEqual(['5']);
      });
    });

    test('accounts for everything received, and answers "accepted" for exactly what the channel holds', async () => {
      const channel = new ScratchChannel({ capacity: 7, transactionCapacity: 3 });
      await withClient(channel, async ({ source, client, port }) => {
        const others = await Promise.all([peer.connect(port), peer.connect(port)]);
        const taken: string[] = [];
        const sink = setInterval(() => taken.push(...channel.takeBodies(2)), 1);
        const accepted = await Promise.all(
          [client, ...others].map(async (each, number) => {
            const bodies = Array.from({ length: 60 }, (_, at) => `${number}.${at}`);
            const answers = await each.send(bodies);
            expect(answers).toHaveLength(bodies.length);
            return bodies.filter((_, at) => answers[at] === 'accepted');
          }),
        );
        clearInterval(sink);
        taken.push(...channel.takeBodies());

        for (const [number, bodies] of accepted.entries()) {
          expect(taken.filter((body) => body.startsWith(`${number}.`))).toEqual(bodies);
        }
        expect(taken).toHaveLength(accepted.flat().length);
        const { received, accepted: told, rejected, filtered } = source.figures();
        expect(told).toBe(taken.length);
        expect(received).toBe(180);
        expect(received).toBe(told! + rejected! + filtered!);
        await Promise.all(others.map((other) => other.close()));
      });
    });

    test('answers what it accepted before it closes', async () => {
      const channel = new ScratchChannel({ capacity: 1, transactionCapacity: 1, keepAliveMs: 10_000 });
      await withClient(channel, async ({ source, client }) => {
        const sent = client.send(['first', 'second']);
        await eventually(() => source.figures()['accepted']).toBe(1);
        const stopped = source.stop();
        const taken: string[] = [];
        const sink = setInterval(() => taken.push(...channel.takeBodies()), 10);
        const answers = await sent;
        await stopped;
        clearInterval(sink);
        taken.push(...channel.takeBodies());
        expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(taken.length);
        expect(taken[0]).toBe('first');
        const { received, accepted, rejected } = source.figures();
        expect(received).toBe(accepted! + rejected!);
      });
    });

    test('closes every handle it opened, though clients are still connected, and then nobody listens', async () => {
      const port = await freePort();
      const atRest = watchHandles();
      {
        using channel = new ScratchChannel();
        await using source = await openSource(registration, peer.settings(port), { required: [channel] });
        const clients = await Promise.all([peer.connect(port), peer.connect(port)]);
        expect(await clients[0]!.send(['one'])).toEqual(['accepted']);
        await source.stop();
        await Promise.all(clients.map((client) => client.close()));
      }
      await atRest();
      await expect(peer.connect(port)).rejects.toThrow();
    });

    test('leaves nothing behind when it cannot be opened, and can be opened later', async () => {
      using channel = new ScratchChannel();
      const port = await freePort();
      await using first = await openSource(registration, peer.settings(port), { required: [channel] });
      const atRest = watchHandles();
      await expect(openSource(registration, peer.settings(port), { required: [channel] })).rejects.toThrow(
        /EADDRINUSE/,
      );
      await atRest();
      await first.stop();
      await using second = await openSource(registration, peer.settings(port), { required: [channel] });
      const client = await peer.connect(port);
      expect(await client.send(['again'])).toEqual(['accepted']);
      await client.close();
      await second.stop();
    });
  });
}
