import type { FrameRate } from '../../grid/grid.ts';

/** level_idc, MaxMBPS (macroblocks/s), MaxFS (macroblocks), MaxBR (kbit/s, High profile): ITU-T H.264 table A-1. */
const levels = [
  [10, 1_485, 99, 80],
  [11, 3_000, 396, 240],
  [12, 6_000, 396, 480],
  [13, 11_880, 396, 960],
  [20, 11_880, 396, 2_500],
  [21, 19_800, 792, 5_000],
  [22, 20_250, 1_620, 5_000],
  [30, 40_500, 1_620, 12_500],
  [31, 108_000, 3_600, 17_500],
  [32, 216_000, 5_120, 25_000],
  [40, 245_760, 8_192, 25_000],
  [42, 522_240, 8_704, 62_500],
  [50, 589_824, 22_080, 168_750],
  [51, 983_040, 36_864, 300_000],
  [52, 2_073_600, 36_864, 300_000],
  [60, 4_177_920, 139_264, 300_000],
  [61, 8_355_840, 139_264, 600_000],
  [62, 16_711_680, 139_264, 1_000_000],
] as const;

/**
 * The lowest H.264 level (level_idc, 31 for 3.1) that admits High-profile video of this size, rate and bit rate.
 * @param bitRate VBV maximum in bits/s
 * @throws RangeError when the video is beyond level 6.2
 */
export function avcLevelOf(width: number, height: number, frameRate: FrameRate, bitRate: number): number {
  const across = Math.ceil(width / 16);
  const down = Math.ceil(height / 16);
  const blocks = across * down;
  const fit = levels.find(
    ([, perSecond, perFrame, kilobits]) =>
      blocks * frameRate.num <= perSecond * frameRate.den &&
      blocks <= perFrame &&
      // A.3.1: neither side is longer than sqrt(8 * MaxFS).
      across * across <= 8 * perFrame &&
      down * down <= 8 * perFrame &&
      bitRate <= kilobits * 1000,
  );
  if (fit === undefined) throw new RangeError(`No H.264 level admits ${width}x${height} at this rate`);
  return fit[0];
}

/** RFC 6381 codec string of High-profile H.264 at a level: `avc1.64001f`. */
export function avcCodecString(level: number): string {
  return `avc1.6400${level.toString(16).padStart(2, '0')}`;
}
