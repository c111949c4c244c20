import type { SegmentWindow } from '../../grid/grid.ts';
import type { Rendition, VideoRendition } from '../profile.ts';
import { feedTarget, type SourcePlan } from '../source.ts';

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

/** Ends the plan's pads in one pad a rendition. Frames are numbered anew: their place is their place in the order. */
function renditionGraph(renditions: readonly Rendition[], window: SegmentWindow): string {
  const { num, den } = window.frameRate;
  const videos = renditions.filter((rendition) => rendition.kind === 'video');
  const pads = renditions.map((_, index) => `[out${index}]`);
  const [first, ...others] = videos.map((rendition) => ({
    rendition,
    pad: pads[renditions.indexOf(rendition)],
  }));
  const chains = [];
  if (first === undefined) {
    chains.push('[v]nullsink');
  } else {
    const timed = `[v]settb=expr=${den}/${num},setpts=expr=N`;
    const scales = others.map(({ rendition, pad }, index) => `[copy${index}]${scale(rendition)}${pad}`);
    const copies = others.map((_, index) => `[copy${index}]`).join('');
    const split = others.length === 0 ? '' : `,split=${others.length + 1}`;
    chains.push(`${timed}${split}${first.pad}${copies}`, ...scales);
  }
  const audio = renditions.findIndex((rendition) => rendition.kind === 'audio');
  chains.push(audio < 0 ? '[a]anullsink' : `[a]asetpts=expr=N/SR/TB${pads[audio]}`);
  return chains.join(';');
}

function scale({ width, height }: VideoRendition): string {
  return `scale=w=${width}:h=${height}:flags=bicubic+accurate_rnd+full_chroma_int+bitexact,setsar=1`;
}

const muxing = ['-map_metadata', '-1', '-map_chapters', '-1', '-flags', '+bitexact', '-fflags', '+bitexact'];
const fragmented = ['-f', 'mp4', '-movflags', '+frag_keyframe+empty_moov+default_base_moof'];

function outputArguments(rendition: Rendition, index: number, pipe: string, window: SegmentWindow): string[] {
  const { num, den } = window.frameRate;
  // One frame more than wanted: enough to notice, without waiting for a source that never ends.
  const frames = ['-r', `${num}/${den}`, '-frames:v', String(window.frameCount + 1)];
  return [
    '-map',
    `[out${index}]`,
    ...rendition.encoderArgs,
    ...(rendition.kind === 'video' ? frames : []),
    ...muxing,
    ...fragmented,
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
    '-loglevel',
    'warning',
    '-y',
    ...inputArguments(plan, pipes),
    '-filter_complex',
    `${plan.filterGraph};${renditionGraph(renditions, window)}`,
    ...renditions.flatMap((rendition, index) =>
      outputArguments(rendition, index, pipes.outputs[index] ?? '', window),
    ),
  ];
}
