import { expect, test } from 'vitest';
import { PeerNames } from './peers.ts';

test('of any number of addresses at once, a bounded one waits to be looked up, and the others have no name', async () => {
  const names = new PeerNames();
  let answered = 0;
  for (let at = 0; at < 3_000; at += 1) {
    names.of(`127.1.${at >> 8}.${at & 255}`).then(() => {
      answered += 1;
    });
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBeGreaterThanOrEqual(1_990);
});
