import type { PinnedDescription, PinnedTimeline } from '../description/schema.ts';
import { soundOnlyTypes } from '../description/schema.ts';
import { frameBoundary, type Grid, segmentAt } from '../grid/grid.ts';
import type { Rendition } from '../render/rendition.ts';
import type { Files } from './files.ts';
import { type DrawnClip, drawnClips, drawnIn } from './layers.ts';
import { detailOf } from './weights.ts';
import { type Work, WorkSum } from './work-sum.ts';

export type { Work } from './work-sum.ts';

/** What is made of a description. */
export interface Job {
  readonly description: PinnedDescription;
  readonly grid: Grid;
  /** What is made of each segment. */
  readonly renditions: readonly Rendition[];
  /** What is known of the files. One that is not known counts as nothing. */
  readonly files: Files;
}

/** What of a {@link Job} encoders alone depend on. */
export type Encoded = Pick<Job, 'grid' | 'renditions'> & {
  readonly description: Pick<PinnedDescription, 'size'>;
};

const encoders = ['libx264', 'libx265', 'libsvtav1'] as const;
type Encoder = (typeof encoders)[number];

const encoderOf = ({ encoderArgs }: Rendition): Encoder =>
  encoders.find((name) => encoderArgs.includes(name)) ?? 'libx264';

const million = ({ width, height }: { width: number; height: number }): number => (width * height) / 1e6;

/** By how much the sum of what layers show may exceed the most restless picture: whoever lies on top hides the others. */
const mostDetail = 1.25;

const framesOf = (grid: Grid, n: number): number => frameBoundary(grid, n + 1) - frameBoundary(grid, n);

const secondsAt = ({ frameRate }: Grid, frame: number): number => (frame * frameRate.den) / frameRate.num;

/** What encoders take, whatever they are shown. */
function addEncoding(sum: WorkSum, { description, grid, renditions }: Encoded, n: number): void {
  const frames = framesOf(grid, n);
  const whole = million(description.size) * frames;
  sum.add('start', 1);
  sum.add('sound', secondsAt(grid, frames));
  sum.add('canvas', whole);
  for (const rendition of renditions) {
    if (rendition.kind === 'audio') continue;
    sum.add('output', 1);
    if (rendition.kind !== 'video') {
      sum.add('still', million(rendition));
      continue;
    }
    const encoder = encoderOf(rendition);
    if (encoder !== 'libx264') sum.add(`begin:${encoder}`, 1);
    sum.add(encoder, million(rendition) * frames);
    if (!rendition.isFullSize) sum.add('scale', whole);
  }
}

/** What encoders take more, the more there is to see: `detail` and `noise` are parts of the whole frame, times frames. */
function addDetail(
  sum: WorkSum,
  renditions: readonly Rendition[],
  { detail, noise = 0 }: { readonly detail: number; readonly noise?: number },
): void {
  for (const rendition of renditions) {
    if (rendition.kind !== 'video') continue;
    sum.add(`detail:${encoderOf(rendition)}`, million(rendition) * detail);
    sum.add(`noise:${encoderOf(rendition)}`, million(rendition) * noise);
  }
}

function addLayers(sum: WorkSum, job: Job, n: number, clips: readonly DrawnClip[]): void {
  const window = { from: frameBoundary(job.grid, n), to: frameBoundary(job.grid, n + 1) };
  const count = window.to - window.from;
  const whole = million(job.description.size);
  let [detail, noise] = [0, 0];
  for (const { clip, frames, isLowest } of drawnIn(clips, window)) {
    clip.draw(sum, frames);
    if (!isLowest) sum.add('overlay', clip.area * (frames.to - frames.from));
    const seen = Math.min(1, clip.area / whole) * (frames.to - frames.from);
    detail += detailOf[clip.look] * seen * clip.fresh;
    if (clip.look === 'static') noise += seen;
  }
  const bounded = { detail: Math.min(detail, mostDetail * count), noise: Math.min(noise, count) };
  addDetail(sum, job.renditions, bounded);
}

function addVoices(sum: WorkSum, { tracks }: PinnedTimeline, from: number, to: number): void {
  for (const { clips } of tracks) {
    for (const { asset, start, length, volume } of clips) {
      const heard = soundOnlyTypes.has(asset.type) || asset.type === 'video';
      if (heard && asset.type !== 'silence' && volume > 0)
        sum.add('voice', Math.min(to, start + length) - Math.max(from, start));
    }
  }
}

function addModule(sum: WorkSum, { description, grid, renditions }: Job, n: number): void {
  if (description.kind !== 'module') return;
  const frames = framesOf(grid, n);
  sum.add('host', 1);
  sum.add(`module:${description.module}`, million(description.size) * frames);
  addDetail(sum, renditions, { detail: detailOf.module * frames });
}

/** The work of segment n. */
export function segmentWork(job: Job, n: number): Work {
  const sum = new WorkSum();
  const { description, grid } = job;
  addEncoding(sum, job, n);
  if (description.kind === 'module') {
    addModule(sum, job, n);
    return sum.work;
  }
  addLayers(sum, job, n, drawnClips(description, job.files));
  const [from, to] = [frameBoundary(grid, n), frameBoundary(grid, n + 1)];
  addVoices(sum, description, secondsAt(grid, from), secondsAt(grid, to));
  return sum.work;
}

/** Segments that are worked out, with how many there are like each. */
interface Sampled {
  readonly n: number;
  times: number;
  readonly clips: DrawnClip[];
}

/** Every segment, those alike as one: where no clip begins, ends, fades or moves, one is as much work as the one before it. */
function segmentsAlike(grid: Grid, clips: readonly DrawnClip[]): Sampled[] {
  const segmentOf = (frame: number): number => segmentAt(grid, secondsAt(grid, frame));
  const changes = new Set<number>();
  for (const { span, restless } of clips) {
    for (const { from, to } of [
      { from: span.from, to: span.from + 1 },
      { from: span.to - 1, to: span.to },
      ...restless,
    ])
      for (let n = segmentOf(from); n <= segmentOf(to - 1); n += 1) changes.add(n);
  }
  const sampled: Sampled[] = [];
  const indexOf: number[] = [];
  for (let n = 0; n < grid.count; n += 1) {
    const last = sampled.at(-1);
    const isLike =
      last !== undefined &&
      !changes.has(n) &&
      !changes.has(n - 1) &&
      framesOf(grid, n) === framesOf(grid, last.n);
    if (isLike) last.times += 1;
    else sampled.push({ n, times: 1, clips: [] });
    indexOf.push(sampled.length - 1);
  }
  for (const clip of clips) {
    const [first, last] = [
      indexOf[segmentOf(clip.span.from)] ?? 0,
      indexOf[segmentOf(clip.span.to - 1)] ?? -1,
    ];
    for (let index = first; index <= last; index += 1) sampled[index]?.clips.push(clip);
  }
  return sampled;
}

/** Segments of a video that are alike. */
export interface SegmentsWork {
  /** The first of them. */
  readonly n: number;
  /** How many there are. */
  readonly times: number;
  /** The work of one. */
  readonly work: Work;
}

/** The work of every segment. Takes time with what changes in the video, which the description's limits bound. */
export function workBySegment(job: Job): SegmentsWork[] {
  const { description, grid } = job;
  const clips = description.kind === 'timeline' ? drawnClips(description, job.files) : [];
  return segmentsAlike(grid, clips).map(({ n, times, clips: on }) => {
    const sum = new WorkSum();
    addEncoding(sum, job, n);
    if (description.kind === 'module') addModule(sum, job, n);
    else addLayers(sum, job, n, on);
    return { n, times, work: sum.work };
  });
}

/** The work of a whole video: of its segments, of mixing its sound, and of decoding that of its files, all of it. */
export function wholeWork(job: Job, segments: readonly SegmentsWork[] = workBySegment(job)): Work {
  const whole = new WorkSum();
  for (const { work, times } of segments) whole.addAll(work, times);
  if (job.description.kind === 'timeline') {
    addVoices(whole, job.description, 0, Number.POSITIVE_INFINITY);
    for (const { audio } of job.files.values()) whole.add('decoded', audio?.durationSeconds ?? 0);
  }
  return whole.work;
}

/** The least that a video takes, whatever it shows: known before its files are. */
export function leastWork(job: Encoded): Work {
  const whole = new WorkSum();
  for (const { n, times } of segmentsAlike(job.grid, [])) {
    const one = new WorkSum();
    addEncoding(one, job, n);
    whole.addAll(one.work, times);
  }
  return whole.work;
}
