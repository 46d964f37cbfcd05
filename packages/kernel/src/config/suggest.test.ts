import { expect, test } from 'vitest';
import { didYouMean, nearest } from './suggest.ts';

const names = ['bind', 'port', 'max-line-length', 'ack-every-event', 'batchSize'];

test.each([
  ['prot', 'port'],
  ['Port', 'port'],
  ['maxLineLength', 'max-line-length'],
  ['batch-size', 'batchSize'],
  ['ack-evry-evnt', 'ack-every-event'],
  ['bnid', 'bind'],
])('%s was meant to be %s', (written, meant) => expect(nearest(written, names)).toBe(meant));

test.each(['x', 'colour', 'portal-of', ''])('"%s" resembles nothing', (written) => {
  expect(nearest(written, names)).toBeUndefined();
  expect(didYouMean(written, names)).toBeUndefined();
});

test('of several near ones the nearest is meant, of equally near ones the first', () => {
  expect(nearest('channels', ['channel', 'channelz', 'Channels'])).toBe('Channels');
  expect(nearest('c3', ['c1', 'c2'])).toBe('c1');
});
