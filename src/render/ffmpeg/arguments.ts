import type { SegmentWindow } from '../../grid/grid.ts';
import { isStill, type Rendition } from '../rendition.ts';
import { feedTarget, type SourcePlan } from '../source.ts';
import { spentArguments } from './run.ts';

/** Names of the pipes that ffmpeg is started with. */
export interface Pipes {
  /** One a rendition. */
  readonly outputs: readonly string[];
  /** One a feed. */
  readonly inputs: readonly string[];
}

function inputArguments(plan: SourcePlan, pipes: Pipes): string[] {
  return plan.inputs.flatMap((input, index) => {
    const feed = (plan.feeds ?? []).findIndex(({ inputIndex }) => inputIndex === index);
    if (feed < 0) return input;
    return input.map((argument) => (argument === feedTarget ? (pipes.inputs[feed] ?? argument) : argument));
  });
}

/**
 * Filters between the full frame and a rendition's encoder. Each starts from the full frame, never from another rendition,
 * so that the bytes do not depend on what else is made.
 */
function pictureFilters(rendition: Exclude<Rendition, { kind: 'audio' }>, window: SegmentWindow): string[] {
  const at = isStill(rendition) && rendition.frame === 'last' ? window.frameCount - 1 : 0;
  const one = isStill(rendition) ? [`trim=start_frame=${at}:end_frame=${at + 1}`, 'setpts=expr=N'] : [];
  if (rendition.isFullSize && rendition.kind !== 'images') return one;
  return [...one, scale(rendition), 'setsar=sar=1'];
}

const scaling = 'flags=bicubic+accurate_rnd+full_chroma_int+bitexact';

function scale(rendition: Exclude<Rendition, { kind: 'audio' }>): string {
  const size = `scale=w=${rendition.width}:h=${rendition.height}:${scaling}`;
  if (rendition.kind !== 'images') return size;
  // JFIF knows one matrix and one range: BT.601, full.
  return `${size}:in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc,format=pix_fmts=yuvj420p`;
}

/** Ends the plan's pads in one pad a rendition. Frames are numbered anew: their place is their place in the order. */
function renditionGraph(renditions: readonly Rendition[], window: SegmentWindow): string {
  const { num, den } = window.frameRate;
  const pictures = renditions.flatMap((rendition, index) =>
    rendition.kind === 'audio'
      ? []
      : [{ filters: pictureFilters(rendition, window).join(',') || 'null', index }],
  );
  const chains = [];
  if (pictures.length === 0) {
    chains.push('[v]nullsink');
  } else {
    const copies = pictures.map(({ index }) => `[copy${index}]`).join('');
    chains.push(`[v]settb=expr=${den}/${num},setpts=expr=N,split=outputs=${pictures.length}${copies}`);
    for (const { filters, index } of pictures) chains.push(`[copy${index}]${filters}[out${index}]`);
  }
  const audio = renditions.findIndex(({ kind }) => kind === 'audio');
  chains.push(audio < 0 ? '[a]anullsink' : `[a]asetpts=expr=N/SR/TB[out${audio}]`);
  return chains.join(';');
}

const muxing = ['-map_metadata', '-1', '-map_chapters', '-1', '-flags', '+bitexact', '-fflags', '+bitexact'];
const fragmented = ['-f', 'mp4', '-movflags', '+frag_keyframe+empty_moov+default_base_moof'];
const picture = ['-f', 'image2pipe'];

/** Frames of a rendition that ffmpeg writes at most. */
function frameLimit(rendition: Rendition, window: SegmentWindow): string[] {
  if (rendition.kind === 'audio') return [];
  const { num, den } = window.frameRate;
  // One frame more than wanted: enough to notice, without waiting for a source that never ends.
  return ['-r', `${num}/${den}`, '-frames:v', String(isStill(rendition) ? 1 : window.frameCount + 1)];
}

function outputArguments(rendition: Rendition, index: number, pipe: string, window: SegmentWindow): string[] {
  return [
    '-map',
    `[out${index}]`,
    ...rendition.encoderArgs,
    ...frameLimit(rendition, window),
    ...muxing,
    ...(rendition.kind === 'images' ? picture : fragmented),
    pipe,
  ];
}

/** Arguments of the one ffmpeg process that makes every rendition of a window. */
export function encodeArguments(
  plan: SourcePlan,
  window: SegmentWindow,
  renditions: readonly Rendition[],
  pipes: Pipes,
): string[] {
  return [
    ...spentArguments,
    '-y',
    ...inputArguments(plan, pipes),
    '-filter_complex',
    `${plan.filterGraph};${renditionGraph(renditions, window)}`,
    ...renditions.flatMap((rendition, index) =>
      outputArguments(rendition, index, pipes.outputs[index] ?? '', window),
    ),
  ];
}
