import type { Page, Tone } from './page.ts';

/** Runs of segments, each up to the one before `to`, by where the worst placed rendition is; see `GET /v1/videos`. */
export type Strip = readonly (readonly [to: number, source: 'absent' | 'node' | 'nodes' | 'bucket'])[];

/** From worst to best. Told apart without colours too. */
const looks = {
  absent: { mark: '·', tone: 'quiet', words: 'not there' },
  node: { mark: '░', tone: 'raised', words: 'one node' },
  nodes: { mark: '▒', tone: 'link', words: 'nodes' },
  bucket: { mark: '█', tone: 'good', words: 'bucket' },
} as const satisfies Record<string, { mark: string; tone: Tone; words: string }>;
const order = ['absent', 'node', 'nodes', 'bucket'] as const;

/** What the marks of a strip mean. */
export const stripLegend = (page: Page): string =>
  order
    .toReversed()
    .map((source) => `${page.paint(looks[source].tone, looks[source].mark)} ${looks[source].words}`)
    .join('  ');

/** Draws a strip in so many columns. A column that stands for several segments shows the worst placed of them. */
export function drawStrip(strip: Strip, width: number, page: Page): string {
  const segments = strip.at(-1)?.[0] ?? 0;
  if (segments === 0) return ' '.repeat(width);
  let text = '';
  let drawn = '';
  let tone: Tone = 'quiet';
  const flush = (): void => {
    if (drawn !== '') text += page.paint(tone, drawn);
    drawn = '';
  };
  for (let column = 0; column < width; column += 1) {
    const from = Math.floor((column * segments) / width);
    const to = Math.max(from + 1, Math.ceil(((column + 1) * segments) / width));
    const look = looks[worst(strip, from, to)];
    if (look.tone !== tone) flush();
    tone = look.tone;
    drawn += look.mark;
  }
  flush();
  return text;
}

function worst(strip: Strip, from: number, to: number): (typeof order)[number] {
  let [start, found] = [0, order.length - 1];
  for (const [end, source] of strip) {
    if (start < to && end > from) found = Math.min(found, order.indexOf(source));
    start = end;
  }
  return order[found] ?? 'absent';
}
