import { printable } from '../print.ts';
import type { Box, Layout, Wire } from './layout.ts';
import type { Promises } from './promises.ts';
import { clipped, wrapped } from './text.ts';

/** One flow, drawn and told. */
export interface Picture {
  readonly layout: Layout;
  readonly promises: readonly Promises[];
}

/** A character and a line of the layout, in pixels. */
const CELL = { width: 8, height: 17 };
const MARGIN = 24;
const WORDS = { width: 700, characters: 100, indent: 10, line: 19 };

interface Scheme {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly box: string;
  readonly source: string;
  readonly channel: string;
  readonly sink: string;
}

const light = { paper: '#fff', ink: '#1d2129', soft: '#4d5562', line: '#8a93a1', box: '#f5f7fa' };
const dark = { paper: '#16181c', ink: '#e4e6ea', soft: '#a9b0bb', line: '#79818d', box: '#20242b' };

/** Rules without variables, which not every program that shows pictures knows. */
const rules = ({ paper, ink, soft, line, box, source, channel, sink }: Scheme) =>
  `svg { background: ${paper}; } text { fill: ${ink}; } .soft { fill: ${soft}; } rect { fill: ${box}; } path { stroke: ${line}; } .tip { fill: ${line}; } .source rect { stroke: ${source}; } .channel rect { stroke: ${channel}; } .sink rect { stroke: ${sink}; }`;

const style = `
svg { font: 13px system-ui, sans-serif; } rect { stroke-width: 1.5; } path { fill: none; stroke-width: 1.5; }
${rules({ ...light, source: '#0072b2', channel: '#b25d00', sink: '#00785a' })}
@media (prefers-color-scheme: dark) { ${rules({ ...dark, source: '#56b4e9', channel: '#f0a03c', sink: '#3ecf9f' })} }
.name { font-weight: 600; } .title { font-size: 16px; font-weight: 600; } .fleeting rect { stroke-dasharray: 5 4; } .optional { stroke-dasharray: 3 4; } path.tip { stroke: none; }`;

/** An agent as an SVG document that follows the reader's light or dark scheme. A channel that does not survive the agent has a broken outline. */
export function drawSvg(agent: string, pictures: readonly Picture[]): string {
  const parts: string[] = [];
  let y = MARGIN + 32;
  let right = WORDS.width;
  for (const { layout, promises } of pictures) {
    parts.push(
      `<g transform="translate(${MARGIN} ${y})">`,
      ...layout.wires.map(drawWire),
      ...layout.boxes.map(drawBox),
      '</g>',
    );
    right = Math.max(right, layout.width * CELL.width);
    y += layout.height * CELL.height + 12;
    for (const { title, sentences } of promises) {
      y += WORDS.line + 4;
      parts.push(label(MARGIN, y, title, 'name'));
      for (const sentence of sentences) {
        wrapped(sentence, WORDS.characters).forEach((line, at) => {
          y += WORDS.line;
          parts.push(label(MARGIN + WORDS.indent, y, line, 'soft'));
          if (at === 0) parts.push(label(MARGIN, y, '·', 'soft'));
        });
      }
    }
    y += MARGIN;
  }
  const [width, height] = [right + 2 * MARGIN, y];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>Agent ${escaped(agent)}</title>`,
    `<style>${style}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
    label(MARGIN, MARGIN + 8, `Agent ${agent}`, 'title'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawBox({ lines, kind, durable, x, y, width, height }: Box): string {
  const [left, top] = [x * CELL.width, y * CELL.height];
  const middle = top + (height * CELL.height) / 2;
  const texts = lines.filter(Boolean).map((line, at, all) => {
    const baseline = middle + (at - (all.length - 1) / 2) * CELL.height + 4;
    return label(left + 12, baseline, clipped(line, width - 1), at === 0 ? 'name' : 'soft');
  });
  const fleeting = kind === 'channel' && !durable ? ' fleeting' : '';
  const shape = `<rect x="${left}" y="${top}" width="${width * CELL.width}" height="${height * CELL.height}" rx="8"/>`;
  return `<g class="${kind}${fleeting}"><title>${escaped(lines.join(' '))}</title>${shape}${texts.join('')}</g>`;
}

function drawWire({ starts, ends, from, to, lane }: Wire): string {
  const px = (column: number) => column * CELL.width;
  const py = (line: number) => (line + 0.5) * CELL.height;
  const [x1, x, x2] = [px(from), px(lane) + CELL.width / 2, px(to + 1) - 2];
  const lines = [...starts, ...ends.map(({ line }) => line)];
  const [top, bottom] = [py(Math.min(...lines)), py(Math.max(...lines))];
  const trunk = top === bottom ? '' : `<path d="M${x} ${top}V${bottom}"/>`;
  const into = starts.map((line) => `<path d="M${x1} ${py(line)}H${x}"/>`);
  const out = ends.map(({ line, optional }) => {
    return `<path${optional ? ' class="optional"' : ''} marker-end="url(#tip)" d="M${x} ${py(line)}H${x2}"/>`;
  });
  return [trunk, ...into, ...out].join('');
}

function label(x: number, y: number, text: string, name: string): string {
  return `<text class="${name}" x="${x}" y="${y}">${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return printable(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
