import type { FrameRate } from '../../grid/grid.ts';

/** VBV buffer in seconds of the maximum rate, and how full encoders start it (x264's default). */
export const vbvSeconds = 0.5;
const vbvStart = 0.9;

/** moof, styp and SEI, in bits a second of the shortest segment. */
export const containerOverhead = 20_000;

/** Bits/s that 720p25 may use; other sizes follow with less than proportion, since detail does not grow with size. */
const referenceRate = 3_000_000;
const referencePixels = 1280 * 720 * 25;
const leastRate = 150_000;

/**
 * VBV maximum in bits/s of H.264 of this size and rate; `share`: the part of it that a better codec needs.
 */
export function maxRateOf(width: number, height: number, frameRate: FrameRate, share: number): number {
  const pixels = (width * height * frameRate.num) / frameRate.den;
  const rate = referenceRate * share * (pixels / referencePixels) ** 0.75;
  return Math.max(leastRate, Math.round(rate / 50_000) * 50_000);
}

/** BANDWIDTH and AVERAGE-BANDWIDTH of what an encoder with this VBV maximum makes. */
export function bandwidthsOf(maxRate: number): { bandwidth: number; averageBandwidth: number } {
  return {
    // The first segment lasts about a second, and each starts with a buffer that is nearly full.
    bandwidth: Math.ceil(maxRate * (1 + vbvSeconds * vbvStart) * 1.05) + containerOverhead,
    averageBandwidth: Math.round(maxRate * 0.6),
  };
}
