import { type Grid, segmentCount, segmentDuration, targetDuration } from '../grid/grid.ts';
import type { RenditionKind } from '../rendition/kind.ts';

/** Bits per second of a rendition: the largest of any stretch, and the mean. */
export interface Rates {
  readonly bandwidth: number;
  readonly averageBandwidth: number;
}

/**
 * Rates of a rendition as measured, from the bytes of its segments; undefined while one of them was never made.
 * `sizes` by segment number.
 */
export function renditionRates(
  grid: Grid,
  kind: RenditionKind,
  sizes: readonly (number | null)[],
): Rates | undefined {
  const count = segmentCount(grid);
  const bytes = sizes.slice(0, count).filter((size) => size !== null);
  if (bytes.length < count) return undefined;
  const clock = kind === 'audio' ? 'audio' : 'video';
  const seconds = bytes.map((_, n) => segmentDuration(grid, clock, n));
  return measuredRates(bytes, seconds, targetDuration(grid));
}

/**
 * Rates as RFC 8216 4.1 defines them: the peak is the largest bit rate of any contiguous set of segments that together last
 * between half and one and a half target durations. Segments too short for any such set are taken as one.
 * `bytes` and `seconds` by segment number, of the same length.
 */
export function measuredRates(bytes: readonly number[], seconds: readonly number[], target: number): Rates {
  const total = (list: readonly number[]): number => list.reduce((sum, each) => sum + each, 0);
  const average = (total(bytes) * 8) / total(seconds);
  let peak: number | undefined;
  for (let from = 0; from < bytes.length; from += 1) {
    let [size, time] = [0, 0];
    for (let n = from; n < bytes.length; n += 1) {
      size += bytes[n] ?? 0;
      time += seconds[n] ?? 0;
      if (time > 1.5 * target) break;
      if (time >= 0.5 * target) peak = Math.max(peak ?? 0, (size * 8) / time);
    }
  }
  return { bandwidth: Math.ceil(peak ?? average), averageBandwidth: Math.ceil(average) };
}
