import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planTexts } from '@millrace/kernel/config/load';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { registry } from '../agent/components.ts';
import { runBin } from '../bin.test.fixture.ts';
import { agentSvg, agentText } from './explain.ts';
import { flowsOf } from './flows.ts';
import { layOut, type Wire } from './layout.ts';
import { drawText } from './text.ts';

const snapshots = join(import.meta.dirname, '../../src/explain/snapshots');

function planOf(text: string) {
  const { plans, diagnostics } = planTexts(new Map([['a.conf', Buffer.from(text)]]), {
    ...{ registry, system: new Map(), environment: new Map() },
  });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return plans.get('a1')!;
}

/** An agent whose sources put into the channels that stand behind their names, and whose sinks take from theirs. */
function wired(puts: Readonly<Record<string, string>>, takes: Readonly<Record<string, string>>) {
  const channels = [...new Set([...Object.values(puts), ...Object.values(takes)].flatMap((names) => names.split(' ')))];
  const lines = [
    `a1.sources = ${Object.keys(puts).join(' ')}`,
    `a1.channels = ${channels.join(' ')}`,
    `a1.sinks = ${Object.keys(takes).join(' ')}`,
    ...Object.entries(puts).flatMap(([name, into]) => [
      `a1.sources.${name}.type = seq`,
      `a1.sources.${name}.channels = ${into}`,
    ]),
    ...channels.map((name) => `a1.channels.${name}.type = memory`),
    ...Object.entries(takes).flatMap(([name, from]) => [
      `a1.sinks.${name}.type = null`,
      `a1.sinks.${name}.channel = ${from}`,
    ]),
  ];
  return planOf(lines.join('\n'));
}

const everything = planOf(readFileSync(join(snapshots, 'everything.conf'), 'utf8'));

test('an agent is drawn within 80 columns, and told channel by channel', async () => {
  const text = agentText(everything);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  await expect(text).toMatchFileSnapshot(join(snapshots, 'everything.txt'));
});

test('the picture shows and tells the same', async () => {
  await expect(agentSvg(everything)).toMatchFileSnapshot(join(snapshots, 'everything.svg'));
});

test.for([
  ['one-of-each', { r1: 'c1' }, { k1: 'c1' }],
  ['fan-out', { r1: 'c1 c2 c3' }, { k1: 'c1', k2: 'c2', k3: 'c3' }],
  ['fan-in', { r1: 'c1', r2: 'c1', r3: 'c1' }, { k1: 'c1' }],
  ['each-with-each', { r1: 'c1 c2', r2: 'c1', r3: 'c2 c3', r4: 'c1 c3' }, { k1: 'c1', k2: 'c2', k3: 'c3' }],
  ['two-flows', { r1: 'c1', r2: 'c2' }, { k1: 'c1', k2: 'c2', k3: 'c2' }],
  ['loose-ends', { r1: 'c1' }, { k2: 'c2' }],
] as const)('every line of a picture leads from one box to those it is wired to: %s', async ([name, puts, takes]) => {
  const picture = flowsOf(wired(puts, takes))
    .map((flow) => drawText(layOut(flow, 80)!))
    .join('\n');
  await expect(picture).toMatchFileSnapshot(join(snapshots, `${name}.txt`));
});

test('no box covers another, and no wire runs into another, whatever is wired', () => {
  const channels = fc.subarray(['c0', 'c1', 'c2', 'c3', 'c4', 'c5'], { minLength: 1 });
  const puts = fc.array(channels, { minLength: 1, maxLength: 7 });
  const takes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 8 });
  fc.assert(
    fc.property(puts, takes, (into, from) => {
      const sources = Object.fromEntries(into.map((names, at) => [`r${at}`, names.join(' ')]));
      const sinks = Object.fromEntries(from.map((channel, at) => [`k${at}`, `c${channel}`]));
      for (const flow of flowsOf(wired(sources, sinks))) {
        const { boxes, wires } = layOut(flow, Number.POSITIVE_INFINITY)!;
        for (const column of Map.groupBy(boxes, ({ x }) => x).values()) {
          expectApart(column.map(({ y, height }) => [y, y + height]));
        }
        for (const gutter of Map.groupBy(wires, (wire) => wire.from).values()) {
          const linesOf = ({ starts, ends }: Wire) => [...starts, ...ends.map(({ line }) => line)];
          const all = gutter.flatMap((wire) => [...new Set(linesOf(wire))]);
          expect(new Set(all).size).toBe(all.length);
          for (const lane of Map.groupBy(gutter, (wire) => wire.lane).values()) {
            expectApart(lane.map((wire) => [Math.min(...linesOf(wire)), Math.max(...linesOf(wire))]));
          }
        }
      }
    }),
  );
});

function expectApart(ranges: readonly (readonly number[])[]): void {
  const inOrder = ranges.toSorted(([a], [b]) => a! - b!);
  for (const [at, [, end]] of inOrder.slice(0, -1).entries()) expect(inOrder[at + 1]![0]).toBeGreaterThan(end!);
}

test('what no terminal can show is listed', () => {
  const names = Array.from({ length: 14 }, (_, at) => `c${at}`);
  const puts = Object.fromEntries(
    names.map((name, at) => [`r${at}`, names.filter((other) => other !== name).join(' ')]),
  );
  const text = agentText(wired(puts, { k1: 'c1' }));
  expect(text).toMatch(/^r0 \(seq\) ─▶ c\d+, c\d+/m);
  expect(text).toContain('c1 (memory) ─▶ k1 (null)');
});

test('the command draws into a file, tells what is wrong, and fails when nothing would run', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-explain-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const right = readFileSync(join(snapshots, 'everything.conf'), 'utf8');
  write('a.conf', right);
  write('wrong.conf', right.replace('type = avro', 'type = arvo'));
  write('nothing.conf', 'a1.sources = r1\n');
  const explain = (...flags: string[]) => runBin('millrace', ['explain', ...flags], { cwd: directory });

  expect(await explain('-f', 'a.conf', '--svg', 'a.svg')).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(join(directory, 'a.svg'), 'utf8')).toBe(agentSvg(everything));
  expect(await explain('-f', 'wrong.conf')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('did you mean "avro"?'),
  });
  expect(await explain('-f', 'nothing.conf')).toMatchObject({ code: 1, stdout: '' });
});

test('a name with what would steer a terminal or break a picture is shown without it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-explain-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'a.conf');
  const odd = readFileSync(join(snapshots, 'everything.conf'), 'utf8').replace(/\bfast\b/g, '<c>\\u001b[3m\\uffff');
  writeFileSync(file, odd);
  for (const command of ['explain', 'check']) {
    const { stdout } = await runBin('millrace', [command, '-f', file]);
    expect(stdout).toContain('<c>�[3m�');
    expect(stdout).not.toContain('\x1b');
  }
  const svg = agentSvg(planOf(odd));
  expect(svg).toContain('>&#60;c&#62;�[3m�<');
  expect(svg.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Noncharacter_Code_Point}]/u);
});
