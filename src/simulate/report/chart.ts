/** One line of a chart. */
export interface Series {
  readonly name: string;
  /** Points in order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Where a chart is drawn, in pixels. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Colours that can be told apart by most people, on light and on dark (Okabe and Ito). */
const colours = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#a0522d',
  '#999999',
] as const;

/** The colour of series number n. */
const colourOf = (index: number): string => colours[index % colours.length] ?? '#999999';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as it stands in markup. */
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => escapes[sign] ?? sign);

/** A coordinate: tenths of a pixel are enough. */
const at = (value: number): string => String(Math.round(value * 10) / 10);

/** A round number of steps up to at least `most`. */
function niceTop(most: number): number {
  if (most <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].map((step) => step * size).find((top) => top >= most) ?? most;
}

/** A figure at an axis: 1200 becomes 1.2k. */
export function axisFigure(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (value >= size) return `${Number((value / size).toPrecision(3))}${unit}`;
  return String(Number(value.toPrecision(3)));
}

const text = (x: number, y: number, words: string, anchor = 'start', isTitle = false): string =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${isTitle ? ' class="title"' : ''}>${escaped(words)}</text>`;

/** Title, horizontal grid and its figures; the bars or lines go on top. */
function axes(title: string, top: number, { x, y, width, height }: Frame): string {
  const lines = [0, 0.5, 1].map((part) => {
    const level = y + height * (1 - part);
    return `<line x1="${at(x)}" x2="${at(x + width)}" y1="${at(level)}" y2="${at(level)}" class="grid"/>${text(x - 6, level + 4, axisFigure(top * part), 'end')}`;
  });
  return text(x, y - 12, title, 'start', true) + lines.join('');
}

/** Lines over time. `unit` of x, and its largest value. */
export function lineChart(
  title: string,
  series: readonly Series[],
  { unit, most }: { readonly unit: string; readonly most: number },
  frame: Frame,
): string {
  const top = niceTop(Math.max(0, ...series.flatMap(({ points }) => points.map(([, value]) => value))));
  const { x, y, width, height } = frame;
  const paths = series.map(({ points }, index) => {
    const path = points
      .map(([px, py]) => `${at(x + (px / most) * width)} ${at(y + height * (1 - py / top))}`)
      .join('L');
    return `<path d="M${path}" fill="none" stroke="${colourOf(index)}" stroke-width="1.6"/>`;
  });
  const ends =
    text(x, y + height + 16, '0') + text(x + width, y + height + 16, `${axisFigure(most)} ${unit}`, 'end');
  return axes(title, top, frame) + paths.join('') + ends;
}

/** A bar in pieces. */
export interface Bar {
  readonly name: string;
  readonly pieces: readonly number[];
}

/** Bars whose pieces stand on each other. */
export function barChart(title: string, bars: readonly Bar[], frame: Frame): string {
  const totals = bars.map(({ pieces }) => pieces.reduce((sum, piece) => sum + piece, 0));
  const top = niceTop(Math.max(0, ...totals));
  const { x, y, width, height } = frame;
  const step = width / Math.max(1, bars.length);
  const drawn = bars.map(({ name, pieces }, index) => {
    const left = x + step * (index + 0.2);
    let base = y + height;
    const rects = pieces.map((piece, number) => {
      const tall = (piece / top) * height;
      base -= tall;
      return `<rect x="${at(left)}" y="${at(base)}" width="${at(step * 0.6)}" height="${at(tall)}" fill="${colourOf(number)}"/>`;
    });
    const middle = left + step * 0.3;
    return (
      rects.join('') +
      text(middle, base - 4, axisFigure(totals[index] ?? 0), 'middle') +
      text(middle, y + height + 16, name, 'middle')
    );
  });
  return axes(title, top, frame) + drawn.join('');
}

/** Names of colours, in a row; the first of them has colour number `from`. */
export function legend(names: readonly string[], x: number, y: number, from = 0): string {
  let left = x;
  return names
    .map((name, index) => {
      const item = `<rect x="${at(left)}" y="${at(y - 9)}" width="10" height="10" fill="${colourOf(from + index)}"/>${text(left + 14, y, name)}`;
      left += 14 + name.length * 6.4 + 12;
      return item;
    })
    .join('');
}
