import { type Flow, targetsOf } from './flows.ts';
import type { Box, Layout, Wire } from './layout.ts';

/** The picture in characters. A line that is broken where it meets another goes on behind it. */
export function drawText({ boxes, wires, width, height }: Layout): string {
  const grid = Array.from({ length: height }, () => Array.from({ length: width }, () => ' '));
  const set = (line: number, column: number, text: string) => {
    [...text].forEach((character, at) => {
      grid[line]![column + at] = character;
    });
  };
  for (const wire of wires) drawAcross(wire, set);
  for (const wire of wires) drawDown(wire, set);
  for (const box of boxes) drawBox(box, set);
  for (const { starts, ends, from, to } of wires) {
    for (const line of starts) set(line, from - 1, '├');
    for (const { line } of ends) set(line, to, '▶');
  }
  return grid.map((characters) => `${characters.join('').trimEnd()}\n`).join('');
}

type Set = (line: number, column: number, text: string) => void;

function drawAcross({ starts, ends, from, to, lane }: Wire, set: Set): void {
  for (const line of starts) set(line, from, '─'.repeat(lane - from));
  for (const { line, optional } of ends) set(line, lane + 1, (optional ? '╌' : '─').repeat(to - lane));
}

/** The way from line to line, with a corner or a fork where the wire enters or leaves it. */
function drawDown({ starts, ends, lane }: Wire, set: Set): void {
  const endLines = ends.map(({ line }) => line);
  const lines = [...starts, ...endLines];
  const [top, bottom] = [Math.min(...lines), Math.max(...lines)];
  for (let line = top; line <= bottom; line++) {
    const up = line > top ? 8 : 0;
    const down = line < bottom ? 4 : 0;
    const west = starts.includes(line) ? 2 : 0;
    const east = endLines.includes(line) ? 1 : 0;
    set(line, lane, corners[up + down + west + east]!);
  }
}

/** By the sum of 8 for up, 4 for down, 2 for left and 1 for right. */
const corners = [...'   ─ ┌┐┬ └┘┴│├┤┼'];

function drawBox({ lines, x, y, width, height }: Box, set: Set): void {
  set(y, x, `┌${'─'.repeat(width - 2)}┐`);
  for (let line = 1; line < height - 1; line++) {
    set(y + line, x, `│ ${clipped(lines[line - 1] ?? '', width - 4).padEnd(width - 4)} │`);
  }
  set(y + height - 1, x, `└${'─'.repeat(width - 2)}┘`);
}

/** A flow that no picture of the width of a terminal can hold. */
export function listText({ sources, channels, sinks }: Flow): string {
  const named = ({ name, registration }: Flow['channels' | 'sources' | 'sinks'][number]) =>
    `${name} (${registration.spec.type})`;
  const fromSources = sources.map((source) => `${named(source)} ─▶ ${targetsOf(source).join(', ')}`);
  const fromChannels = channels.map((channel) => {
    const takers = sinks.filter((sink) => sink.channel === channel.name).map(named);
    return `${named(channel)} ─▶ ${takers.join(', ') || 'nothing'}`;
  });
  return [...fromSources, ...fromChannels]
    .flatMap((line) => wrapped(line, 76).map((part, at) => `${at > 0 ? '    ' : ''}${part}\n`))
    .join('');
}

/** A text that fits; of a long one the end is left out. */
export function clipped(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Words in lines of at most so many characters; a longer word gets a line of its own. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
