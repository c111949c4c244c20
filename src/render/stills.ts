import type { FrameRate } from '../grid/grid.ts';
import { posterName, thumbnailsName } from '../rendition/kind.ts';
import { h264 } from './coding/h264.ts';
import { options } from './coding/options.ts';
import type { ImagesRendition, StillRendition } from './rendition.ts';
import { type Size, sizeWithin, videoTimescale } from './sizes.ts';

/** Bits of one picture of this size: an upper bound for the quality that is asked for. */
function pictureBits({ width, height }: Size): number {
  return width * height * 3;
}

/** Seconds of the shortest segment, about: one picture of it is what a second may bring. */
const shortestSegment = 0.5;
/** Seconds of most segments. */
const usualSegment = 4;

function rates(size: Size): { bandwidth: number; averageBandwidth: number } {
  const bits = pictureBits(size);
  return {
    bandwidth: Math.ceil(bits / shortestSegment),
    averageBandwidth: Math.ceil(bits / 4 / usualSegment),
  };
}

const same = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

/** JPEG by ffmpeg's own encoder. `quality`: 2 (best) to 31. */
function jpeg(quality: number): string[] {
  return options({ 'c:v': 'mjpeg', 'q:v': quality, pix_fmt: 'yuvj420p', 'threads:v': 1 });
}

function images(
  name: string,
  size: Size,
  frameRate: FrameRate,
  { shown, frame, quality }: { shown: Size; frame: ImagesRendition['frame']; quality: number },
): ImagesRendition {
  const look = { kind: 'images', container: 'jpeg', name, codecs: 'jpeg', frame } as const;
  return {
    ...look,
    ...shown,
    frameRate,
    isFullSize: same(shown, size),
    ...rates(shown),
    encoderArgs: jpeg(quality),
  };
}

/**
 * The stills of every profile: `iframes` for seeking, `thumbnails` for a strip of previews, and the `poster`, which shows the
 * last frame of the first segment because many videos fade in from black.
 */
export function stillsOf(size: Size, frameRate: FrameRate): StillRendition[] {
  const small = sizeWithin(size, { width: 640, height: 360 });
  const { codecs, encoderArgs } = h264({ ...small, frameRate, crf: 26, preset: 'veryfast' });
  const packing = { kind: 'iframes', container: 'fmp4', name: 'iframes', frame: 'first' } as const;
  const iframes = {
    ...packing,
    ...small,
    frameRate,
    isFullSize: same(small, size),
    codecs,
    encoderArgs,
  } as const;
  return [
    { ...iframes, ...rates(small), ...videoTimescale(frameRate) },
    images(thumbnailsName, size, frameRate, {
      shown: sizeWithin(size, { width: 320, height: 320 }),
      frame: 'first',
      quality: 5,
    }),
    images(posterName, size, frameRate, { shown: size, frame: 'last', quality: 3 }),
  ];
}
