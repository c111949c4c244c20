import type { FrameRate } from '../grid/grid.ts';
import type { Packing } from '../rendition/kind.ts';

interface Track {
  /** Name in URLs and object names: `720p`, `audio`. */
  readonly name: string;
  /** RFC 6381 codec string, as it stands in EXT-X-STREAM-INF; `jpeg` for images. */
  readonly codecs: string;
  /** Peak bits/s of any segment, container included (BANDWIDTH). */
  readonly bandwidth: number;
  /** Expected bits/s over the whole (AVERAGE-BANDWIDTH): a guess, since nothing is encoded yet. */
  readonly averageBandwidth: number;
  /** ffmpeg output options that choose and set up the encoder. */
  readonly encoderArgs: readonly string[];
}

interface Timed extends Packing {
  readonly container: 'fmp4';
  /** Units of `tfdt` and of sample durations a second. */
  readonly timescale: number;
  /** Duration of one frame (video: picture, audio: AAC frame) in timescale units. */
  readonly sampleDuration: number;
}

interface Picture {
  /** Whether it has the size of the described frames: then nothing is scaled. */
  readonly isFullSize: boolean;
  readonly width: number;
  readonly height: number;
  readonly frameRate: FrameRate;
}

/** A video track of a render. */
export interface VideoRendition extends Track, Timed, Picture {
  readonly kind: 'video';
}

/** The audio track of a render. */
export interface AudioRendition extends Track, Timed {
  readonly kind: 'audio';
}

/** Which frame of a segment a still shows. */
interface Still extends Picture {
  readonly frame: 'first' | 'last';
}

/** Key frames for seeking (EXT-X-I-FRAME-STREAM-INF): each segment is one IDR that lasts as long as the segment. */
export interface IframesRendition extends Track, Timed, Still {
  readonly kind: 'iframes';
}

/** JPEG pictures: each segment is one file. */
export interface ImagesRendition extends Track, Packing, Still {
  readonly kind: 'images';
  readonly container: 'jpeg';
}

/** One frame a segment: made by itself in the time of one frame. */
export type StillRendition = IframesRendition | ImagesRendition;

/** One track of a render: a video size, the audio, or stills. */
export type Rendition = VideoRendition | AudioRendition | StillRendition;

/** A rendition that players play through: what stills are not. */
export type PlayedRendition = VideoRendition | AudioRendition;

/** Whether players play the rendition through, frame after frame. */
export function isPlayed(rendition: Rendition): rendition is PlayedRendition {
  return rendition.kind === 'video' || rendition.kind === 'audio';
}

/** Whether a segment of the rendition is a single frame. */
export function isStill(rendition: Rendition): rendition is StillRendition {
  return rendition.kind === 'iframes' || rendition.kind === 'images';
}
