/** Frames a second as an exact fraction: 25/1, 30000/1001. */
export interface FrameRate {
  readonly num: number;
  readonly den: number;
}

/** Audio samples a second of every render. */
export const sampleRate = 48_000;

/** Samples in one AAC-LC frame (ISO/IEC 14496-3). */
export const aacFrameSamples = 1024;

/**
 * AAC frames fed to the encoder before a segment and dropped again: the MDCT of a frame overlaps its predecessor, and the
 * encoder's block switching looks back, so a join is inaudible only when both sides have heard the same past.
 */
export const audioPreRollFrames = 2;

/** AAC frames fed after a segment and dropped again: the encoder looks one frame ahead. */
export const audioPostRollFrames = 1;

/** The last segment is never shorter than this (seconds), unless the whole video is. */
const shortestTail = 0.5;

/** A coincident unit up to this long (seconds) is worth choosing segment lengths by. */
const longestUnit = 0.6;

/** Multiples of {@link Grid.step} at which the first segments start: 1, 1, 2 steps long; from the last on, every 4 steps. */
const leadSteps = [0, 1, 2, 4] as const;
const bodySteps = 4;

/**
 * The segment boundaries of a render, known before its first frame exists. Everything else here is closed form over these
 * four numbers, so a grid costs nothing to hold or to compare.
 */
export interface Grid {
  readonly frameRate: FrameRate;
  /** Frames in the whole video. */
  readonly frameCount: number;
  /** Frames in the first segment (about 1 s); the others are multiples of it: 1, 1, 2, then 4 steps. */
  readonly step: number;
  /** Number of segments. */
  readonly count: number;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Smallest number of frames that lasts a whole number of AAC frames: 8 at 25/s (0.32 s), 16 at 30/s, 64 at 24/s. For
 * NTSC rates it is long, and boundaries in audio are the nearest AAC frame instead.
 */
export function coincidentFrames(frameRate: FrameRate): number {
  const perFrame = frameRate.num * aacFrameSamples;
  return perFrame / gcd(perFrame, sampleRate * frameRate.den);
}

function stepOf(frameRate: FrameRate): number {
  const rate = frameRate.num / frameRate.den;
  const unit = coincidentFrames(frameRate);
  if (unit / rate > longestUnit) return Math.max(1, Math.round(rate));
  return unit * Math.max(1, Math.round(rate / unit));
}

/** Boundary n of a grid without end, in frames. */
function openBoundary(step: number, n: number): number {
  const lead = leadSteps[n];
  return step * (lead ?? bodySteps * (n - leadSteps.length + 2));
}

/**
 * The grid of a video. Works for any frame rate; lengths are whole frames, and where the rate allows (25, 30, 50, 60)
 * whole AAC frames too. A tail shorter than half a second is merged into the segment before it.
 * @throws RangeError for a frame rate or count that is not a positive whole number
 */
export function gridOf(frameRate: FrameRate, frameCount: number): Grid {
  for (const value of [frameRate.num, frameRate.den, frameCount]) {
    if (!Number.isSafeInteger(value) || value <= 0)
      throw new RangeError(`Not a positive whole number: ${value}`);
  }
  const step = stepOf(frameRate);
  const lead = leadSteps.findIndex((steps) => steps * step >= frameCount);
  const full = lead >= 0 ? lead : Math.ceil(frameCount / (bodySteps * step)) + leadSteps.length - 2;
  const tail = frameCount - openBoundary(step, full - 1);
  const merged = full > 1 && tail * frameRate.den < shortestTail * frameRate.num;
  return { frameRate, frameCount, step, count: merged ? full - 1 : full };
}

/** Number of segments of each rendition. */
export function segmentCount(grid: Grid): number {
  return grid.count;
}

function inRange(grid: Grid, n: number, last: number): void {
  if (!Number.isInteger(n) || n < 0 || n > last) {
    throw new RangeError(`Segment ${n} is outside a grid of ${grid.count}`);
  }
}

/**
 * First frame of segment n; for n = count, the number of frames.
 * @throws RangeError when n is not in 0..count
 */
export function frameBoundary(grid: Grid, n: number): number {
  inRange(grid, n, grid.count);
  return n === grid.count ? grid.frameCount : openBoundary(grid.step, n);
}

/**
 * First AAC frame of segment n (the nearest to the video boundary); for n = count, the number of AAC frames.
 * @throws RangeError when n is not in 0..count
 */
export function audioBoundary(grid: Grid, n: number): number {
  const samplesTimesNum = frameBoundary(grid, n) * grid.frameRate.den * sampleRate;
  const nearest = Math.round(samplesTimesNum / (grid.frameRate.num * aacFrameSamples));
  return n === grid.count ? Math.max(1, nearest) : nearest;
}

/** Seconds that segment n of a video or audio rendition lasts (the EXTINF of its line). */
export function segmentDuration(grid: Grid, kind: 'video' | 'audio', n: number): number {
  inRange(grid, n, grid.count - 1);
  if (kind === 'audio') {
    return ((audioBoundary(grid, n + 1) - audioBoundary(grid, n)) * aacFrameSamples) / sampleRate;
  }
  return ((frameBoundary(grid, n + 1) - frameBoundary(grid, n)) * grid.frameRate.den) / grid.frameRate.num;
}

/** Seconds at which segment n of a video or audio rendition starts. */
export function segmentStart(grid: Grid, kind: 'video' | 'audio', n: number): number {
  if (kind === 'audio') return (audioBoundary(grid, n) * aacFrameSamples) / sampleRate;
  return (frameBoundary(grid, n) * grid.frameRate.den) / grid.frameRate.num;
}

/** EXT-X-TARGETDURATION (RFC 8216, 4.3.3.1): a whole number of seconds that no rounded EXTINF of any rendition exceeds. */
export function targetDuration(grid: Grid): number {
  const longestFrames = Math.max(
    grid.count > 1 ? openBoundary(grid.step, grid.count - 1) - openBoundary(grid.step, grid.count - 2) : 0,
    grid.frameCount - openBoundary(grid.step, grid.count - 1),
  );
  const audioSlack = aacFrameSamples / sampleRate;
  return Math.max(1, Math.round((longestFrames * grid.frameRate.den) / grid.frameRate.num + audioSlack));
}

/** Number of the segment that shows the moment `seconds`; before the start the first, after the end the last. */
export function segmentAt(grid: Grid, seconds: number): number {
  // A start computed by segmentStart may lie a rounding error below its frame.
  const exact = (seconds * grid.frameRate.num) / grid.frameRate.den;
  const frame = Math.floor(exact + 1e-6);
  const lead = leadSteps.findLastIndex((steps) => steps * grid.step <= frame);
  const open =
    lead < leadSteps.length - 1 ? lead : Math.floor(frame / (bodySteps * grid.step)) + leadSteps.length - 2;
  return Math.min(Math.max(open, 0), grid.count - 1);
}

/**
 * What one segment needs from its source: a range of frames, and a range of samples that is wider than the segment by
 * the encoder's pre- and post-roll. `firstSample` may be negative and the range may run past the end: silence there.
 */
export interface SegmentWindow {
  readonly frameRate: FrameRate;
  /** Absolute number of the first frame. */
  readonly firstFrame: number;
  readonly frameCount: number;
  readonly sampleRate: typeof sampleRate;
  /** Absolute number of the first sample; negative for segment 0. */
  readonly firstSample: number;
  readonly sampleCount: number;
}

/**
 * The window of segment n.
 * @throws RangeError when n is not in 0..count-1
 */
export function windowOf(grid: Grid, n: number): SegmentWindow {
  inRange(grid, n, grid.count - 1);
  const firstFrame = frameBoundary(grid, n);
  const from = audioBoundary(grid, n) - audioPreRollFrames;
  const to = audioBoundary(grid, n + 1) + audioPostRollFrames;
  return {
    frameRate: grid.frameRate,
    firstFrame,
    frameCount: frameBoundary(grid, n + 1) - firstFrame,
    sampleRate,
    firstSample: from * aacFrameSamples,
    sampleCount: (to - from) * aacFrameSamples,
  };
}
