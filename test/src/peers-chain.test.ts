import { describe, expect, test } from 'vitest';
import { scratchDirectory } from './file-channel/agent.ts';
import { Example } from './hops/example.ts';
import { converse, type Kind, missingFlume, Peer } from './peers/peer.ts';

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

describe.skipIf(missing !== undefined)('examples/mixed-chain', () => {
  const chain: readonly [Kind, string][] = [
    ['Flume', 'mixed-chain/1-flume.conf'],
    ['Millrace', 'mixed-chain/2-millrace.conf'],
    ['Flume', 'mixed-chain/3-flume.conf'],
    ['Millrace', 'mixed-chain/4-millrace.conf'],
  ];

  test('agents of Flume and of Millrace in turns hand on what comes to the first', { timeout: 60_000 }, async () => {
    using scratch = scratchDirectory();
    const examples = await Example.read(
      chain.map(([, path]) => path),
      scratch.path,
    );
    const ports = [44_444, 41_421, 41_422, 41_423].map((port) => examples[0]!.ports.get(port)!);
    const peers: Peer[] = [];
    try {
      // From the last to the first, because a sink of Flume waits for five seconds when it finds nobody.
      for (const at of [3, 2, 1, 0]) {
        peers.unshift(new Peer(chain[at]![0], examples[at]!.text));
        await peers[0]!.listening(ports[at]!);
      }
      const lines = Array.from({ length: 50 }, (_, number) => `line ${String(number).padStart(2, '0')}`);
      const answers = await converse(ports[0]!, [lines.map((line) => `${line}\n`).join('')]);
      expect(answers).toBe('OK\n'.repeat(lines.length));
      await peers[3]!.written('line 49 }');
      expect(peers[3]!.events().map((event) => event.slice(-9, -2))).toEqual(lines);
    } finally {
      await Promise.all(peers.map((peer) => peer.stop('SIGKILL')));
    }
  });
});
