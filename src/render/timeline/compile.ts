import type { PinnedTimeline } from '../../description/schema.ts';
import type { SegmentWindow } from '../../grid/grid.ts';
import type { SourcePlan } from '../source.ts';
import { filter, Graph, type Pad } from './graph.ts';
import { type Layer, layersOf, type Scene } from './layer.ts';
import type { TextResources } from './lettering.ts';
import { solidPicture } from './picture.ts';
import { addSound, type FindAsset } from './sound.ts';

/** The composed frames of the window, PTS still counted from the start of the video. What a covering layer hides is left out. */
function composed(
  graph: Graph,
  layers: readonly Layer[],
  background: string,
  { canvas, window }: Scene,
): Pad {
  const lowest = layers.findLastIndex(({ alone }) => alone !== undefined);
  const whole = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const bottom =
    layers[lowest]?.alone?.(graph) ?? solidPicture(whole, background, canvas).draw(graph, window, 1);
  return layers.slice(lowest + 1).reduce((below, layer) => layer.over(graph, below), bottom);
}

/**
 * Compiles what a timeline shows and sounds in one window. Pure: the plan depends on the arguments alone (texts are handed to
 * `resources.textFile`), and each frame and sample of it on its own number and not on where the window begins. Only clips that
 * are active in the window are compiled.
 * @throws SegueError `asset_refused` where a file cannot be used as its clip says; what `assets` throws for a file that is not there
 */
export function compileTimeline(
  description: PinnedTimeline,
  assets: FindAsset,
  window: SegmentWindow,
  resources: TextResources,
): SourcePlan {
  const graph = new Graph();
  const { size, fps, seed, background } = description;
  const scene: Scene = {
    canvas: { ...size, fps },
    seed,
    window: { from: window.firstFrame, to: window.firstFrame + window.frameCount },
    find: assets,
    text: resources,
  };
  const layers = description.tracks.flatMap(({ clips }, trackIndex) =>
    clips.flatMap((clip, clipIndex) => layersOf(clip, `${trackIndex}/${clipIndex}`, scene)),
  );
  const picture = composed(graph, layers, background, scene);
  const shaped = [
    filter('format', { pix_fmts: 'yuv420p' }),
    filter('setsar', { sar: 1 }),
    filter('setpts', { expr: `PTS-${window.firstFrame}` }),
  ];
  graph.finish([picture], shaped, 'v');
  addSound(graph, description, assets, window);
  return graph.plan();
}
