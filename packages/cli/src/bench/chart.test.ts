import { expect, test } from 'vitest';
import { renderChart } from './chart.ts';

const xs = ['1', '100', '1000'];
const chartOf = (...lines: { name: string; ys: (number | undefined)[]; limit?: boolean }[]) =>
  renderChart({
    title: 'Events',
    xTitle: 'batch',
    xs,
    panels: [{ title: 'alone', lines: lines.map((line) => ({ limit: false, ...line })) }],
  });
const heights = (svg: string) => [...svg.matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y));

test('ten times as much is as far up as ten times that', () => {
  const [low, middle, high] = heights(chartOf({ name: 'file', ys: [1_000, 10_000, 100_000] })) as [
    number,
    number,
    number,
  ];
  expect(low).toBeGreaterThan(middle);
  expect(low - middle).toBeCloseTo(middle - high, 0);
});

test('what was not measured has no point, and its neighbours are joined', () => {
  const svg = chartOf({ name: 'file', ys: [1_000, undefined, 100_000] });
  expect(heights(svg)).toHaveLength(2);
  expect(svg).toMatch(/class="line" d="M[\d.]+ [\d.]+L[\d.]+ [\d.]+"/);
});

test('a limit is a broken line without points', () => {
  const svg = chartOf({ name: 'file', ys: [1, 2, 3] }, { name: 'memcpy', ys: [10, 20, 30], limit: true });
  expect(heights(svg)).toHaveLength(3);
  expect(svg).toContain('<g class="limit d0">');
});

test('every line is named once, whatever characters are in the name', () => {
  const svg = chartOf({ name: '<b> & "c"', ys: [1, 2, 3] });
  expect(svg.match(/<text x="82".*>&#60;b&#62; &#38; &#34;c&#34;<\/text>/g)).toHaveLength(1);
  expect(svg).not.toContain('<b>');
});

test('it follows the light or dark scheme of its reader', () => {
  expect(chartOf({ name: 'file', ys: [1, 2, 3] })).toContain('@media (prefers-color-scheme: dark)');
});
