import { expect, test } from 'vitest';
import { OneAtATime } from './one-at-a-time.ts';

function counted() {
  const gates: PromiseWithResolvers<void>[] = [];
  let running = 0;
  let most = 0;
  const work = new OneAtATime(async () => {
    running += 1;
    most = Math.max(most, running);
    const run = gates.length;
    gates.push(Promise.withResolvers<void>());
    await gates[run]!.promise.finally(() => {
      running -= 1;
    });
    return run;
  });
  return { work, gates, most: () => most };
}

const turn = () => new Promise(setImmediate);

test('who asks while it runs shares one run after it', async () => {
  const { work, gates, most } = counted();
  const first = work.run();
  await turn();
  const [second, third] = [work.run(), work.run()];
  await turn();
  expect(gates).toHaveLength(1);
  gates[0]!.resolve();
  await turn();
  gates[1]!.resolve();
  expect(await Promise.all([first, second, third])).toEqual([0, 1, 1]);
  expect(most()).toBe(1);
});

test('a run that fails fails for those who asked for it, and the next begins', async () => {
  const { work, gates } = counted();
  const first = work.run();
  await turn();
  const second = work.run();
  gates[0]!.reject(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await turn();
  gates[1]!.resolve();
  expect(await second).toBe(1);
  await work.idle;
});
