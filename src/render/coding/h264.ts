import { avcCodecString, avcLevelOf } from './avc-level.ts';
import type { VideoCoding, VideoCodingInput } from './coding.ts';
import { bt709, options } from './options.ts';
import { bandwidthsOf, maxRateOf, vbvSeconds } from './rate.ts';

/**
 * H.264 by libx264: High profile, one IDR, no reordering.
 * @throws RangeError when no level admits the size
 */
export function h264(input: VideoCodingInput): VideoCoding {
  const { width, height, frameRate } = input;
  const maxRate = maxRateOf(width, height, frameRate, 1);
  const level = avcLevelOf(width, height, frameRate, maxRate);
  const encoderArgs = options({
    'c:v': 'libx264',
    preset: input.preset,
    crf: input.crf,
    pix_fmt: 'yuv420p',
    'profile:v': 'high',
    'level:v': `${Math.floor(level / 10)}.${level % 10}`,
    // Presentation order is decode order, so segments join exactly in every demuxer.
    bf: 0,
    maxrate: maxRate,
    bufsize: Math.round(maxRate * vbvSeconds),
    // With two, VBV looks at how far the frame beside has come: other bytes on a busy machine (decision 0001).
    'threads:v': 1,
    // A keyframe interval without end and no scene cut: the one IDR is the first frame.
    'x264-params': [
      'keyint=infinite:scenecut=0:open-gop=0',
      'range=tv:colorprim=bt709:transfer=bt709:colormatrix=bt709:chromaloc=0',
    ].join(':'),
    ...bt709,
  });
  return { codecs: avcCodecString(level), ...bandwidthsOf(maxRate), encoderArgs };
}
