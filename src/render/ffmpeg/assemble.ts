import {
  audioBoundary,
  audioPostRollFrames,
  audioPreRollFrames,
  frameBoundary,
  type Grid,
} from '../../grid/grid.ts';
import { SegueError } from '../../ops/errors.ts';
import { codecString, decodesAs } from '../../segment/codec-string.ts';
import type { EncodedTrack, Sample } from '../../segment/fragment.ts';
import { writeInit } from '../../segment/init.ts';
import { jpegSize } from '../../segment/jpeg.ts';
import { writeSegment } from '../../segment/write-segment.ts';
import type { AudioRendition, ImagesRendition, Rendition } from '../rendition.ts';

/** AAC frames that ffmpeg's encoder puts before the first sample it was given (its `initial_padding` of 1024). */
const primingFrames = 1;

/** One rendition of a segment. */
export interface RenderedSegment {
  /** `ftyp moov`: the same for every segment of the rendition. Pictures have none. */
  readonly init?: Uint8Array;
  /** `styp moof mdat`, or a file. */
  readonly segment: Uint8Array;
}

/** Where a segment stands. */
interface Place {
  readonly grid: Grid;
  readonly n: number;
}

function wrong(rendition: Rendition, what: string): SegueError {
  return new SegueError('render_failed', `Rendition ${rendition.name}: the encoder made ${what}`);
}

function checkSize(rendition: Exclude<Rendition, AudioRendition>, width: number, height: number): void {
  if (width === rendition.width && height === rendition.height) return;
  throw wrong(rendition, `${width}x${height}, not ${rendition.width}x${rendition.height}`);
}

/** Drops what the encoder was only fed to warm up, after checking that everything else is there. */
function audioSamples(
  rendition: Rendition,
  samples: readonly Sample[],
  { grid, n }: Place,
): readonly Sample[] {
  const first = primingFrames + audioPreRollFrames;
  const count = audioBoundary(grid, n + 1) - audioBoundary(grid, n);
  const least = first + count + audioPostRollFrames;
  if (samples.length < least) throw wrong(rendition, `${samples.length} AAC frames, of ${least} at least`);
  return samples.slice(first, first + count);
}

function checkConfig(rendition: Exclude<Rendition, ImagesRendition>, { config }: EncodedTrack): void {
  const kind = rendition.kind === 'iframes' ? 'video' : rendition.kind;
  if (config.kind !== kind) throw wrong(rendition, config.kind);
  if (!decodesAs(rendition.codecs, codecString(config))) throw wrong(rendition, codecString(config));
  if (rendition.kind !== 'audio' && config.kind === 'video')
    checkSize(rendition, config.width, config.height);
}

/**
 * The init and media segment of a track, from what the encoder made. Every time comes from the grid.
 * @throws SegueError `render_failed` where it is not what was asked for, to the frame
 */
export function assembleTrack(
  rendition: Exclude<Rendition, ImagesRendition>,
  track: EncodedTrack,
  place: Place,
): RenderedSegment {
  const { grid, n } = place;
  checkConfig(rendition, track);
  const frames = frameBoundary(grid, n + 1) - frameBoundary(grid, n);
  // One picture lasts as long as the segment it stands for.
  const [count, length] = rendition.kind === 'iframes' ? [1, frames] : [frames, 1];
  const audio = rendition.kind === 'audio';
  if (!audio && track.samples.length !== count) {
    throw wrong(rendition, `${track.samples.length} frames, not ${count}`);
  }
  return {
    init: writeInit(track.config, rendition.timescale),
    segment: writeSegment({
      kind: audio ? 'audio' : 'video',
      samples: audio ? audioSamples(rendition, track.samples, place) : track.samples,
      baseMediaDecodeTime:
        (audio ? audioBoundary(grid, n) : frameBoundary(grid, n)) * rendition.sampleDuration,
      sampleDuration: rendition.sampleDuration * length,
      sequence: n + 1,
    }),
  };
}

/** A picture, as the encoder made it. @throws SegueError `render_failed` where it is no whole JPEG of the size asked for */
export function assemblePicture(rendition: ImagesRendition, file: Uint8Array): RenderedSegment {
  const { width, height } = jpegSize(file);
  checkSize(rendition, width, height);
  return { segment: file };
}
