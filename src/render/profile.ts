import type { FrameRate } from '../grid/grid.ts';
import { aacRendition } from './coding/aac.ts';
import { av1 } from './coding/av1.ts';
import type { VideoCoding, VideoCodingInput } from './coding/coding.ts';
import { h264 } from './coding/h264.ts';
import { hevc } from './coding/hevc.ts';
import type { profileNames } from './profile-names.ts';
import type { Rendition, VideoRendition } from './rendition.ts';
import { type Size, scaledSize, videoTimescale } from './sizes.ts';
import { stillsOf } from './stills.ts';

export { isPlayed, type Rendition } from './rendition.ts';

/**
 * Version of everything that turns a description into bytes (compiler, encoder settings, segment writer). Raise it whenever
 * one of them changes what a segment holds: it is part of every render's name, so bytes of two versions never share one.
 */
export const rendererVersion = '2';

/** Video codecs, each by one encoder of ffmpeg. */
const codecs = {
  h264: { encoder: 'libx264', coding: h264 },
  hevc: { encoder: 'libx265', coding: hevc },
  av1: { encoder: 'libsvtav1', coding: av1 },
} as const satisfies Record<
  string,
  { readonly encoder: string; readonly coding: (input: VideoCodingInput) => VideoCoding }
>;

/** How a video is encoded: part of a render's name. */
export interface Profile {
  readonly name: string;
  readonly codec: keyof typeof codecs;
  /** One video rendition for each, as a fraction of the described size. The first is the best. */
  readonly scales: readonly number[];
  /** A further rung whose shorter side is below this, in pixels, is left out. */
  readonly leastSide: number;
  /** Constant rate factor on the encoder's own scale: lower is better and larger. */
  readonly crf: number;
  readonly preset: string;
  /** AAC bits/s. */
  readonly audioBitRate: number;
}

const common = { crf: 21, preset: 'veryfast', leastSide: 120, audioBitRate: 128_000 } as const;
/** 720p, 480p and 240p of 720p; 1080p, 720p and 360p of 1080p. */
const ladder = [1, 2 / 3, 1 / 3] as const;

const profiles: Readonly<Record<string, Profile>> = {
  default: { ...common, name: 'default', codec: 'h264', scales: [1] },
  ladder: { ...common, name: 'ladder', codec: 'h264', scales: ladder },
  hevc: { ...common, name: 'hevc', codec: 'hevc', scales: ladder, crf: 24, preset: 'superfast' },
  av1: { ...common, name: 'av1', codec: 'av1', scales: ladder, crf: 35, preset: '10' },
} satisfies Record<(typeof profileNames)[number], Profile>;

/** Encoders of ffmpeg that a profile needs: those of its codecs, and those of the stills. */
export function encodersOf({ codec }: Profile): readonly string[] {
  return [...new Set([codecs[codec].encoder, 'libx264', 'aac', 'mjpeg'])];
}

/** The profile of this name, or undefined. */
export function profileNamed(name: string): Profile | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

/** Name of the audio rendition. */
const audioRenditionName = 'audio';

function videoRendition(
  profile: Profile,
  size: Size,
  frameRate: FrameRate,
  isFullSize: boolean,
): VideoRendition {
  return {
    kind: 'video',
    container: 'fmp4',
    name: `${size.height}p`,
    ...size,
    isFullSize,
    frameRate,
    ...videoTimescale(frameRate),
    ...codecs[profile.codec].coding({ ...size, ...profile, frameRate }),
  };
}

/**
 * The renditions of a video of this size and rate: the video ones, best first, named `<height>p`, then the audio, then the
 * stills. A scale that gives a height for the second time, or next to nothing, adds nothing.
 * @throws RangeError when no level of the codec admits the size
 */
export function renditionsOf(
  { frameRate, ...size }: Size & { readonly frameRate: FrameRate },
  profile: Profile,
): Rendition[] {
  const byName = new Map<string, Rendition>();
  for (const [index, scale] of profile.scales.entries()) {
    const rung = scaledSize(size, scale);
    const name = `${rung.height}p`;
    if (byName.has(name) || (index > 0 && Math.min(rung.width, rung.height) < profile.leastSide)) continue;
    byName.set(name, videoRendition(profile, rung, frameRate, scale === 1));
  }
  const audio = aacRendition(audioRenditionName, profile.audioBitRate);
  return [...byName.values(), audio, ...stillsOf(size, frameRate)];
}
