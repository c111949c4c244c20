/** Rounding grid of sealed prefixes, in segments. */
const step = 16;

/**
 * The sealed prefix that new sessions get: the leading segments in the bucket, rounded down to a multiple of 16, so that few
 * different playlists exist and CDNs can cache them; or all of them.
 */
export function sealedPrefix(leadingStored: number, count: number): number {
  return leadingStored >= count ? count : Math.floor(leadingStored / step) * step;
}
