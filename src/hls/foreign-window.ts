/**
 * First segment of a sliding window after the segments with these durations were listed (microseconds, from segment `first`
 * on): the window has at least `windowMicros`, and at least three target durations (RFC 8216 6.2.2), where so much exists.
 * It only grows as segments are appended.
 */
export function windowStart(
  first: number,
  durations: readonly number[],
  windowMicros: number,
  targetDuration: number,
): number {
  const least = Math.max(windowMicros, leastTargets * targetDuration * 1e6);
  let kept = 0;
  for (let index = durations.length - 1; index > 0; index -= 1) {
    kept += durations[index] ?? 0;
    if (kept >= least) return first + index;
  }
  return first;
}

/** Fewer target durations than these may not stay in a list that has not ended. */
const leastTargets = 3;
