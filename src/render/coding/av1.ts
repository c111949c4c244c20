import type { FrameRate } from '../../grid/grid.ts';
import type { VideoCoding, VideoCodingInput } from './coding.ts';
import { bt709, options } from './options.ts';
import { bandwidthsOf, maxRateOf, vbvSeconds } from './rate.ts';

/** seq_level_idx, MaxPicSize, MaxHSize, MaxVSize, MaxDisplayRate: AV1 specification, annex A.3. */
const levels = [
  [0, 147_456, 2_048, 1_152, 4_423_680],
  [1, 278_784, 2_816, 1_584, 8_363_520],
  [4, 665_856, 4_352, 2_448, 19_975_680],
  [5, 1_065_024, 5_504, 3_096, 31_950_720],
  [8, 2_359_296, 6_144, 3_456, 70_778_880],
  [9, 2_359_296, 6_144, 3_456, 141_557_760],
  [12, 8_912_896, 8_192, 4_352, 267_386_880],
  [13, 8_912_896, 8_192, 4_352, 534_773_760],
  [14, 8_912_896, 8_192, 4_352, 1_069_547_520],
  [16, 35_651_584, 16_384, 8_704, 1_069_547_520],
  [17, 35_651_584, 16_384, 8_704, 2_139_095_040],
  [18, 35_651_584, 16_384, 8_704, 4_278_190_080],
] as const;

/**
 * The lowest AV1 level (seq_level_idx, 5 for 3.1) that admits video of this size and rate.
 * @throws RangeError when the video is beyond level 6.2
 */
export function av1LevelOf(width: number, height: number, frameRate: FrameRate): number {
  const samples = width * height;
  const fit = levels.find(
    ([, perFrame, across, down, perSecond]) =>
      samples <= perFrame &&
      width <= across &&
      height <= down &&
      samples * frameRate.num <= perSecond * frameRate.den,
  );
  if (fit === undefined) throw new RangeError(`No AV1 level admits ${width}x${height} at this rate`);
  return fit[0];
}

/** Bits that AV1 needs of those of H.264. */
const share = 0.6;
/** SVT-AV1 treats the maximum as an aim: of pure noise it makes this much of it. */
const overshoot = 2;

/**
 * AV1 by SVT-AV1: Main profile, one key frame. Frames that are shown out of coding order travel inside the unit that shows
 * them, so nothing is reordered. One logical processor, because with several its rate control depends on timing.
 * @throws RangeError when no level admits the size
 */
export function av1(input: VideoCodingInput): VideoCoding {
  const { width, height, frameRate } = input;
  const maxRate = maxRateOf(width, height, frameRate, share);
  const level = String(av1LevelOf(width, height, frameRate)).padStart(2, '0');
  const encoderArgs = options({
    'c:v': 'libsvtav1',
    preset: input.preset,
    crf: input.crf,
    pix_fmt: 'yuv420p',
    // Longer than any segment: the one key frame is the first.
    g: 9_999,
    maxrate: maxRate,
    bufsize: Math.round(maxRate * vbvSeconds),
    'svtav1-params': [
      'lp=1:scd=0',
      'color-primaries=1:transfer-characteristics=1:matrix-coefficients=1:color-range=0',
    ].join(':'),
    ...bt709,
  });
  const { bandwidth, averageBandwidth } = bandwidthsOf(maxRate);
  return {
    codecs: `av01.0.${level}M.08`,
    bandwidth: bandwidth * overshoot,
    averageBandwidth,
    encoderArgs,
  };
}
