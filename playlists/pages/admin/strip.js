// The segments of a video as a strip, coloured by source: a gradient with hard stops, which costs one element and follows the theme.

/** Colours are variables of the theme; what is not made shows the hatching below. */
const colours = {
  bucket: 'var(--bucket)',
  nodes: 'var(--nodes)',
  node: 'var(--node)',
  absent: 'transparent',
};

const gradients = new WeakMap();

/** CSS of the strip of a row. */
export function gradientOf(row) {
  let css = gradients.get(row);
  if (css === undefined) {
    css = gradient(row.strip, row.segments);
    gradients.set(row, css);
  }
  return css;
}

/** CSS of runs `[to, source]` over so many segments. */
export function gradient(runs, segments) {
  if (runs.length === 0) return 'none';
  let from = 0;
  const stops = runs.map(([to, source]) => {
    const stop = `${colours[source]} ${part(from, segments)} ${part(to, segments)}`;
    from = to;
    return stop;
  });
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

/** CSS of half-open ranges of segments, all in one colour. */
export function gradientOfRanges(ranges, segments, colour) {
  const runs = [];
  let at = 0;
  for (const [from, to] of ranges) {
    if (from > at) runs.push(`transparent ${part(at, segments)} ${part(from, segments)}`);
    runs.push(`${colour} ${part(from, segments)} ${part(to, segments)}`);
    at = to;
  }
  if (at < segments) runs.push(`transparent ${part(at, segments)} 100%`);
  return `linear-gradient(90deg, ${runs.join(', ')})`;
}

const part = (n, segments) => `${((100 * n) / Math.max(1, segments)).toFixed(2)}%`;

/** Where the middle of a segment is, in percent. */
export const placeOf = (n, segments) => Math.min(100, (100 * (n + 0.5)) / Math.max(1, segments));

/** CSS that moves a mark, which is as wide as its strip, to a place in percent. */
export const moved = (percent) => `translateX(${percent.toFixed(2)}%)`;

/** How many segments have each source. */
export function countsOf({ strip }) {
  const counts = { bucket: 0, nodes: 0, node: 0, absent: 0 };
  let from = 0;
  for (const [to, source] of strip) {
    counts[source] += to - from;
    from = to;
  }
  return counts;
}

/** The strip in words. */
export function words(row) {
  const { bucket, nodes, node, absent } = countsOf(row);
  const parts = [
    [bucket, 'in the bucket'],
    [nodes, 'on several nodes'],
    [node, 'on one node only'],
    [absent, 'not made'],
  ];
  const told = parts.filter(([count]) => count > 0).map(([count, where]) => `${count} ${where}`);
  return told.length === 0 ? 'no segments yet' : `of ${row.segments} segments ${told.join(', ')}`;
}
