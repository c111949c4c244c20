/** A player wants so many segments after its playhead soon. */
const soon = 16;
/** Every new session begins with these. */
const firstSegments = 4;
const tier = 10_000_000;

/**
 * Place of segment n among those of a video that are to be copied, lowest first: near the playheads, where viewers are about to need a
 * second source; the beginning, which every new session needs; then in play order.
 */
export function copyOrder(n: number, playheads: readonly number[]): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (const playhead of playheads) {
    if (n >= playhead) nearest = Math.min(nearest, n - playhead);
  }
  if (nearest < soon) return nearest;
  return n < firstSegments ? tier + n : 2 * tier + n;
}
