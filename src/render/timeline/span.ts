/** Frames or samples from `from` up to, not including, `to`, counted from the start of the video. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What two spans have in common; undefined when that is nothing. */
export function overlapOf(a: Span, b: Span): Span | undefined {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? { from, to } : undefined;
}

/** The times that a span is filled by something `period` long, begun again and again, as far as they touch `window`. */
export function* repetitions(span: Span, period: number, window: Span): Generator<Span> {
  const common = overlapOf(span, window);
  if (common === undefined) return;
  const first = Math.floor((common.from - span.from) / period);
  for (let from = span.from + first * period; from < common.to; from += period) {
    yield { from, to: Math.min(from + period, span.to) };
  }
}
