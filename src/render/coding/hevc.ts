import type { FrameRate } from '../../grid/grid.ts';
import type { VideoCoding, VideoCodingInput } from './coding.ts';
import { bt709, options } from './options.ts';
import { bandwidthsOf, maxRateOf, vbvSeconds } from './rate.ts';

/** general_level_idc, MaxLumaPs, MaxLumaSr, MaxBR of the Main tier (kbit/s): ITU-T H.265 tables A.8 and A.9. */
const levels = [
  [60, 122_880, 3_686_400, 1_500],
  [63, 245_760, 7_372_800, 3_000],
  [90, 552_960, 16_588_800, 6_000],
  [93, 983_040, 33_177_600, 10_000],
  [120, 2_228_224, 66_846_720, 12_000],
  [123, 2_228_224, 133_693_440, 20_000],
  [150, 8_912_896, 267_386_880, 25_000],
  [153, 8_912_896, 534_773_760, 40_000],
  [156, 8_912_896, 1_069_547_520, 60_000],
  [180, 35_651_584, 1_069_547_520, 60_000],
  [183, 35_651_584, 2_139_095_040, 120_000],
  [186, 35_651_584, 4_278_190_080, 240_000],
] as const;

/**
 * The lowest HEVC level (general_level_idc, 93 for 3.1) that admits Main profile, Main tier video of this size, rate and bit rate.
 * @throws RangeError when the video is beyond level 6.2
 */
export function hevcLevelOf(width: number, height: number, frameRate: FrameRate, bitRate: number): number {
  const samples = width * height;
  const fit = levels.find(
    ([, perFrame, perSecond, kilobits]) =>
      samples <= perFrame &&
      samples * frameRate.num <= perSecond * frameRate.den &&
      // A.4.1: neither side is longer than sqrt(8 * MaxLumaPs).
      Math.max(width, height) ** 2 <= 8 * perFrame &&
      bitRate <= kilobits * 1000,
  );
  if (fit === undefined) throw new RangeError(`No HEVC level admits ${width}x${height} at this rate`);
  return fit[0];
}

/** Bits that HEVC needs of those of H.264. */
const share = 0.7;

/**
 * HEVC by libx265: Main profile, one IDR, no reordering. One thread, because with rows or frames in parallel the rate
 * control sees whatever is done by then, and bytes would depend on timing.
 * @throws RangeError when no level admits the size
 */
export function hevc(input: VideoCodingInput): VideoCoding {
  const { width, height, frameRate } = input;
  const maxRate = maxRateOf(width, height, frameRate, share);
  const level = hevcLevelOf(width, height, frameRate, maxRate);
  const encoderArgs = options({
    'c:v': 'libx265',
    preset: input.preset,
    crf: input.crf,
    pix_fmt: 'yuv420p',
    'tag:v': 'hvc1',
    maxrate: maxRate,
    bufsize: Math.round(maxRate * vbvSeconds),
    'x265-params': [
      `level-idc=${level / 30}:high-tier=0`,
      'keyint=-1:scenecut=0:open-gop=0:bframes=0:info=0:log-level=error',
      'pools=none:frame-threads=1:wpp=0',
      'range=limited:colorprim=bt709:transfer=bt709:colormatrix=bt709',
    ].join(':'),
    ...bt709,
  });
  return { codecs: `hvc1.1.6.L${level}.90`, ...bandwidthsOf(maxRate), encoderArgs };
}
