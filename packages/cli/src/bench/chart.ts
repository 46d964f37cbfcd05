/** Points that belong together, each at the x of the same number. */
export interface Line {
  readonly name: string;
  /** `undefined` where nothing was measured. */
  readonly ys: readonly (number | undefined)[];
  /** A limit is drawn as a thin broken line without points. */
  readonly limit: boolean;
}

/** One of several pictures side by side that share their scales. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Lines over a few named places, on a logarithmic scale. */
export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly xs: readonly string[];
  readonly panels: readonly Panel[];
}

const PANEL = { width: 220, height: 260, gap: 16 };
const LEFT = 52;
const TOP = 56;
const LEGEND = { perRow: 3, width: 240, height: 20 };

/** The eye tells these apart in light and dark, and with the common weaknesses of colour vision. */
const colours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9'];
const dashes = ['1.5 3', '7 4', '3 3'];
const style = `
svg { font: 12px system-ui, sans-serif; background: #fff; --ink: #222; --faint: #ddd; --limit: #777; }
@media (prefers-color-scheme: dark) { svg { background: #16181c; --ink: #ddd; --faint: #363a42; --limit: #999; } }
text { fill: var(--ink); } .title { font-size: 14px; font-weight: 600; } .grid { stroke: var(--faint); }
.line { fill: none; stroke: currentColor; stroke-width: 2; } circle { fill: currentColor; }
.limit { color: var(--limit); } .limit .line { stroke-width: 1.5; }
${dashes.map((dash, at) => `.d${at} .line { stroke-dasharray: ${dash}; }`).join(' ')}
${colours.map((colour, at) => `.c${at} { color: ${colour}; }`).join(' ')}`;

/** The chart as an SVG document that follows the reader's light or dark scheme. */
export function renderChart({ title, xTitle, xs, panels }: Chart): string {
  const all = panels.flatMap(({ lines }) => lines);
  const names = [...new Set(all.map(({ name }) => name))];
  const scale = scaleOf(all.flatMap(({ ys }) => ys.filter((y) => y !== undefined)));
  const width = LEFT + panels.length * (PANEL.width + PANEL.gap);
  const legendTop = TOP + PANEL.height + 62;
  const height = legendTop + Math.ceil(names.length / LEGEND.perRow) * LEGEND.height;
  const limits = names.filter((name) => all.some((line) => line.limit && line.name === name));
  const classOf = (name: string) =>
    limits.includes(name)
      ? `limit d${limits.indexOf(name) % dashes.length}`
      : `c${names.indexOf(name) % colours.length}`;

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    `<text class="title" x="${LEFT}" y="20">${escaped(title)}</text>`,
    ...scale.ticks.map(
      (tick) => `<text x="${LEFT - 6}" y="${scale.y(tick) + 4}" text-anchor="end">${short(tick)}</text>`,
    ),
    ...panels.flatMap((panel, at) => drawPanel(panel, LEFT + at * (PANEL.width + PANEL.gap), xs, scale, classOf)),
    `<text x="${LEFT + (width - LEFT) / 2}" y="${TOP + PANEL.height + 36}" text-anchor="middle">${escaped(xTitle)}</text>`,
    ...names.flatMap((name, at) => {
      const x = LEFT + (at % LEGEND.perRow) * LEGEND.width;
      const y = legendTop + Math.floor(at / LEGEND.perRow) * LEGEND.height;
      return [
        `<g class="${classOf(name)}"><path class="line" d="M${x} ${y - 4}h24"/></g>`,
        `<text x="${x + 30}" y="${y}">${escaped(name)}</text>`,
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  y(value: number): number;
}

/** From the power of ten below everything to the one above. */
function scaleOf(values: readonly number[]): Scale {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at)),
    y: (value) => round(TOP + PANEL.height * (1 - (Math.log10(value) - from) / (to - from))),
  };
}

function drawPanel(
  { title, lines }: Panel,
  left: number,
  xs: readonly string[],
  scale: Scale,
  classOf: (name: string) => string,
): string[] {
  const xOf = (at: number) => round(left + (PANEL.width * (at + 0.5)) / xs.length);
  const bottom = TOP + PANEL.height;
  return [
    `<text x="${left + PANEL.width / 2}" y="${TOP - 12}" text-anchor="middle">${escaped(title)}</text>`,
    ...scale.ticks.map((tick) => `<path class="grid" d="M${left} ${scale.y(tick)}h${PANEL.width}"/>`),
    ...xs.map((x, at) => `<text x="${xOf(at)}" y="${bottom + 18}" text-anchor="middle">${escaped(x)}</text>`),
    ...lines.map(({ name, ys, limit }) => {
      const points = ys.flatMap((y, at) => (y === undefined ? [] : [{ x: xOf(at), y: scale.y(y), value: y }]));
      const path = points.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('');
      const dots = points.map(
        ({ x, y, value }) =>
          `<circle cx="${x}" cy="${y}" r="3.5"><title>${escaped(name)}: ${short(value)}</title></circle>`,
      );
      return `<g class="${classOf(name)}"><path class="line" d="${path}"/>${limit ? '' : dots.join('')}</g>`;
    }),
  ];
}

/** 12,345,678 as 12M. */
function short(value: number): string {
  const [unit, sign] = value >= 1e6 ? [1e6, 'M'] : value >= 1e3 ? [1e3, 'k'] : [1, ''];
  return `${Number((value / unit).toPrecision(3))}${sign}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
