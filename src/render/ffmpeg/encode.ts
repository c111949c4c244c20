import {
  aacFrameSamples,
  audioBoundary,
  audioPostRollFrames,
  audioPreRollFrames,
  type Grid,
  type SegmentWindow,
} from '../../grid/grid.ts';
import { SegueError } from '../../ops/errors.ts';
import { codecString } from '../../segment/codec.ts';
import { type EncodedTrack, FragmentReader } from '../../segment/fragment.ts';
import { writeInit } from '../../segment/init.ts';
import { writeSegment } from '../../segment/write-segment.ts';
import type { Rendition } from '../profile.ts';
import type { SourcePlan } from '../source.ts';
import { encodeArguments } from './arguments.ts';
import type { Ffmpeg } from './find.ts';
import { type RunLimits, runFfmpeg } from './run.ts';

/** AAC frames that ffmpeg's encoder puts before the first sample it was given (its `initial_padding` of 1024). */
const primingFrames = 1;

/** Bytes of the largest AAC-LC stereo frame: 6144 bits a channel (ISO/IEC 14496-3, 4.5.3). */
const largestAacFrame = 1_536;

/** One rendition of a segment. */
export interface RenderedSegment {
  /** `ftyp moov`: the same for every segment of the rendition. */
  readonly init: Uint8Array;
  /** `styp moof mdat`. */
  readonly segment: Uint8Array;
}

/** What {@link makeSegment} needs. */
export interface SegmentTask {
  readonly plan: SourcePlan;
  readonly window: SegmentWindow;
  readonly grid: Grid;
  readonly n: number;
  readonly renditions: readonly Rendition[];
  readonly ffmpeg: Pick<Ffmpeg, 'path'>;
  readonly limits?: RunLimits;
  readonly niceness?: number;
}

/** Most that one output may bring: several times what its rate control allows. */
function readerFor(rendition: Rendition, window: SegmentWindow): FragmentReader {
  if (rendition.kind === 'audio') {
    const frames = window.sampleCount / aacFrameSamples + 8;
    return new FragmentReader({ maxBytes: frames * (largestAacFrame + 64) + 65_536, maxSamples: frames });
  }
  const seconds = (window.frameCount * window.frameRate.den) / window.frameRate.num;
  return new FragmentReader({
    maxBytes: Math.ceil(rendition.bandwidth * (seconds + 1)) + (4 << 20),
    maxSamples: window.frameCount + 1,
  });
}

function wrong(rendition: Rendition, what: string): SegueError {
  return new SegueError('render_failed', `Rendition ${rendition.name}: the encoder made ${what}`);
}

/** Drops what the encoder was only fed to warm up, after checking that everything else is there. */
function samplesOf(rendition: Rendition, track: EncodedTrack, task: SegmentTask): EncodedTrack['samples'] {
  const { config, samples } = track;
  if (config.kind !== rendition.kind) throw wrong(rendition, config.kind);
  if (codecString(config) !== rendition.codecs) throw wrong(rendition, codecString(config));
  if (rendition.kind === 'video') {
    if (config.kind === 'video' && (config.width !== rendition.width || config.height !== rendition.height)) {
      throw wrong(rendition, `${config.width}x${config.height}, not ${rendition.width}x${rendition.height}`);
    }
    if (samples.length !== task.window.frameCount) {
      throw wrong(rendition, `${samples.length} frames, not ${task.window.frameCount}`);
    }
    return samples;
  }
  const first = primingFrames + audioPreRollFrames;
  const count = audioBoundary(task.grid, task.n + 1) - audioBoundary(task.grid, task.n);
  if (samples.length < first + count + audioPostRollFrames) {
    throw wrong(
      rendition,
      `${samples.length} AAC frames, of ${first + count + audioPostRollFrames} at least`,
    );
  }
  return samples.slice(first, first + count);
}

/** The init and media segment of a rendition, from what the encoder made. */
function assemble(rendition: Rendition, track: EncodedTrack, task: SegmentTask): RenderedSegment {
  const samples = samplesOf(rendition, track, task);
  const start = rendition.kind === 'video' ? task.window.firstFrame : audioBoundary(task.grid, task.n);
  return {
    init: writeInit(track.config, rendition.timescale),
    segment: writeSegment({
      kind: rendition.kind,
      samples,
      baseMediaDecodeTime: start * rendition.sampleDuration,
      sampleDuration: rendition.sampleDuration,
      sequence: task.n + 1,
    }),
  };
}

/**
 * Makes every rendition of segment n with one ffmpeg process. The same task gives the same bytes with the same ffmpeg,
 * on any machine, in any order.
 * @returns by rendition name
 * @throws SegueError `render_failed`, or the signal's reason
 */
export async function makeSegment(
  task: SegmentTask,
  signal?: AbortSignal,
): Promise<Map<string, RenderedSegment>> {
  const readers = task.renditions.map((rendition) => readerFor(rendition, task.window));
  await runFfmpeg(
    {
      path: task.ffmpeg.path,
      args: (pipes) => encodeArguments(task.plan, task.window, task.renditions, pipes),
      outputs: readers.map((reader) => (chunk) => reader.push(chunk)),
      inputs: (task.plan.feeds ?? []).map(({ bytes }) => bytes),
      ...(task.limits === undefined ? {} : { limits: task.limits }),
      ...(task.niceness === undefined ? {} : { niceness: task.niceness }),
    },
    signal,
  );
  return new Map(
    task.renditions.map((rendition, index) => {
      const reader = readers[index] as FragmentReader;
      return [rendition.name, assemble(rendition, reader.finish(), task)];
    }),
  );
}
