import type { Grid, SegmentWindow } from '../../grid/grid.ts';
import type { Rendition } from '../rendition.ts';
import type { SourcePlan } from '../source.ts';
import { encodeArguments } from './arguments.ts';
import { assemblePicture, assembleTrack, type RenderedSegment } from './assemble.ts';
import { PictureReader, trackReader } from './collect.ts';
import type { Ffmpeg } from './find.ts';
import { type RunLimits, runFfmpeg } from './run.ts';

export type { RenderedSegment } from './assemble.ts';

/** What {@link makeSegment} needs. */
export interface SegmentTask {
  readonly plan: SourcePlan;
  /** What the plan shows and sounds: that of the segment, or the one frame that all renditions are stills of. */
  readonly window: SegmentWindow;
  readonly grid: Grid;
  readonly n: number;
  readonly renditions: readonly Rendition[];
  readonly ffmpeg: Pick<Ffmpeg, 'path'>;
  readonly limits?: RunLimits;
  readonly niceness?: number;
  /** Is told the CPU seconds that ffmpeg took. */
  readonly onSpent?: (seconds: number) => void;
}

/** One output of ffmpeg. */
interface Output {
  push(chunk: Uint8Array): void;
  finish(): RenderedSegment;
}

function outputOf(rendition: Rendition, task: SegmentTask): Output {
  if (rendition.kind === 'images') {
    const reader = new PictureReader();
    return {
      push: (chunk) => reader.push(chunk),
      finish: () => assemblePicture(rendition, reader.finish()),
    };
  }
  const reader = trackReader(rendition, task.window);
  return {
    push: (chunk) => reader.push(chunk),
    finish: () => assembleTrack(rendition, reader.finish(), task),
  };
}

/**
 * Makes every rendition of segment n with one ffmpeg process. The same task gives the same bytes with the same ffmpeg,
 * on any machine, in any order, and each rendition the same with others as alone.
 * @returns by rendition name
 * @throws SegueError `render_failed`, or the signal's reason
 */
export async function makeSegment(
  task: SegmentTask,
  signal?: AbortSignal,
): Promise<Map<string, RenderedSegment>> {
  const outputs = task.renditions.map((rendition) => outputOf(rendition, task));
  await runFfmpeg(
    {
      path: task.ffmpeg.path,
      args: (pipes) => encodeArguments(task.plan, task.window, task.renditions, pipes),
      outputs: outputs.map((output) => (chunk) => output.push(chunk)),
      inputs: (task.plan.feeds ?? []).map(({ bytes }) => bytes),
      ...(task.limits === undefined ? {} : { limits: task.limits }),
      ...(task.niceness === undefined ? {} : { niceness: task.niceness }),
      ...(task.onSpent === undefined ? {} : { onSpent: task.onSpent }),
    },
    signal,
  );
  return new Map(task.renditions.map(({ name }, index) => [name, (outputs[index] as Output).finish()]));
}
