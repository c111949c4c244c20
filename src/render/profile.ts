import type { FrameRate } from '../grid/grid.ts';
import { sampleRate } from '../grid/grid.ts';
import { avcCodecString, avcLevelOf } from './avc-level.ts';

/**
 * Version of everything that turns a description into bytes (compiler, encoder settings, segment writer). Raise it whenever
 * one of them changes what a segment holds: it is part of every render's name, so bytes of two versions never share one.
 */
export const rendererVersion = '1';

/** How a video is encoded: part of a render's name. */
export interface Profile {
  readonly name: string;
  /** One video rendition for each, as a fraction of the described size. The first is the best. */
  readonly scales: readonly number[];
  /** x264 constant rate factor: lower is better and larger. */
  readonly crf: number;
  readonly preset: string;
  /** x264 threads. Fixed, because bytes depend on it. */
  readonly threads: number;
  /** AAC bits/s. */
  readonly audioBitRate: number;
}

const profiles: Readonly<Record<string, Profile>> = {
  default: { name: 'default', scales: [1], crf: 21, preset: 'veryfast', threads: 2, audioBitRate: 128_000 },
};

/** The profile of this name, or undefined. */
export function profileNamed(name: string): Profile | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

interface Track {
  /** Name in URLs and object names: `720p`, `audio`. */
  readonly name: string;
  /** RFC 6381 codec string, as it stands in EXT-X-STREAM-INF. */
  readonly codecs: string;
  /** Peak bits/s of any segment, container included (BANDWIDTH). */
  readonly bandwidth: number;
  /** Expected bits/s over the whole (AVERAGE-BANDWIDTH): a guess, since nothing is encoded yet. */
  readonly averageBandwidth: number;
  /** Units of `tfdt` and of sample durations a second. */
  readonly timescale: number;
  /** Duration of one sample (video: frame, audio: AAC frame) in timescale units. */
  readonly sampleDuration: number;
  /** ffmpeg output options that choose and set up the encoder. */
  readonly encoderArgs: readonly string[];
}

/** A video track of a render. */
export interface VideoRendition extends Track {
  readonly kind: 'video';
  readonly width: number;
  readonly height: number;
  readonly frameRate: FrameRate;
}

/** The audio track of a render. */
export interface AudioRendition extends Track {
  readonly kind: 'audio';
}

/** One track of a render: a video size, or the audio. */
export type Rendition = VideoRendition | AudioRendition;

/** Name of the audio rendition. */
export const audioRenditionName = 'audio';

/** VBV buffer in seconds of the maximum rate, and how full x264 starts it (its default). */
const vbvSeconds = 0.5;
const vbvStart = 0.9;

/** moof, styp and SEI, in bits a second of the shortest segment. */
const containerOverhead = 20_000;

/** Bits/s that 720p25 may use; other sizes follow with less than proportion, since detail does not grow with size. */
const referenceRate = 3_000_000;
const referencePixels = 1280 * 720 * 25;

function maxRateOf(width: number, height: number, frameRate: FrameRate): number {
  const pixels = (width * height * frameRate.num) / frameRate.den;
  const rate = referenceRate * (pixels / referencePixels) ** 0.75;
  return Math.max(150_000, Math.round(rate / 50_000) * 50_000);
}

/** Length of the scaled side: yuv420p needs even sizes. */
function scaled(length: number, scale: number): number {
  return Math.max(2, Math.round((length * scale) / 2) * 2);
}

/** Video time runs in units in which a frame is a whole number, also at NTSC rates: 25/1 -> 25000, 30000/1001 -> 30000. */
function videoTimescale(frameRate: FrameRate): { timescale: number; sampleDuration: number } {
  if (frameRate.den === 1) return { timescale: frameRate.num * 1000, sampleDuration: 1000 };
  return { timescale: frameRate.num, sampleDuration: frameRate.den };
}

/** ffmpeg options from their names and values. */
function options(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`-${name}`, String(value)]);
}

function videoEncoderArgs(profile: Profile, level: number, maxRate: number): string[] {
  return options({
    'c:v': 'libx264',
    preset: profile.preset,
    crf: profile.crf,
    pix_fmt: 'yuv420p',
    'profile:v': 'high',
    'level:v': `${Math.floor(level / 10)}.${level % 10}`,
    // Presentation order is decode order, so segments join exactly in every demuxer.
    bf: 0,
    maxrate: maxRate,
    bufsize: Math.round(maxRate * vbvSeconds),
    'threads:v': profile.threads,
    // A keyframe interval without end and no scene cut: the one IDR is the first frame.
    // Colours are named here as well, because ffmpeg sets the encoder's own fields from the first frame that it gets, and
    // then the sequence parameters would depend on which clip a segment begins with.
    'x264-params': [
      'keyint=infinite:scenecut=0:open-gop=0',
      'range=tv:colorprim=bt709:transfer=bt709:colormatrix=bt709:chromaloc=0',
    ].join(':'),
    color_primaries: 'bt709',
    color_trc: 'bt709',
    colorspace: 'bt709',
    color_range: 'tv',
  });
}

function videoRendition(name: string, profile: Profile, width: number, height: number, frameRate: FrameRate) {
  const maxRate = maxRateOf(width, height, frameRate);
  const level = avcLevelOf(width, height, frameRate, maxRate);
  return {
    kind: 'video',
    name,
    width,
    height,
    frameRate,
    codecs: avcCodecString(level),
    // The first segment lasts about a second, and each starts with a buffer that is nearly full.
    bandwidth: Math.ceil(maxRate * (1 + vbvSeconds * vbvStart) * 1.05) + containerOverhead,
    averageBandwidth: Math.round(maxRate * 0.6),
    ...videoTimescale(frameRate),
    encoderArgs: videoEncoderArgs(profile, level, maxRate),
  } satisfies VideoRendition;
}

function audioRendition(profile: Profile): AudioRendition {
  return {
    kind: 'audio',
    name: audioRenditionName,
    codecs: 'mp4a.40.2',
    bandwidth: Math.ceil(profile.audioBitRate * 1.25) + containerOverhead,
    averageBandwidth: profile.audioBitRate,
    timescale: sampleRate,
    sampleDuration: 1024,
    encoderArgs: options({
      'c:a': 'aac',
      'profile:a': 'aac_low',
      'b:a': profile.audioBitRate,
      ar: sampleRate,
      ac: 2,
      // Noise substitution draws from a generator whose state would differ from encoder to encoder.
      aac_pns: 0,
    }),
  };
}

/**
 * The renditions of a video of this size and rate: the video ones, best first, named `<height>p`, then the audio. A scale
 * that gives a height for the second time adds nothing.
 * @throws RangeError when no H.264 level admits the size
 */
export function renditionsOf(
  size: { readonly width: number; readonly height: number; readonly frameRate: FrameRate },
  profile: Profile,
): Rendition[] {
  const byName = new Map<string, Rendition>();
  for (const scale of profile.scales) {
    const height = scaled(size.height, scale);
    const name = `${height}p`;
    if (byName.has(name)) continue;
    byName.set(name, videoRendition(name, profile, scaled(size.width, scale), height, size.frameRate));
  }
  return [...byName.values(), audioRendition(profile)];
}
