import { clipFrames } from '../../description/frames.ts';
import type { PinnedClip } from '../../description/schema.ts';
import { imagePicture, loopFrames, type Playing, videoPicture } from './file-picture.ts';
import { gradientPicture } from './gradient.ts';
import { filter, type Graph, numeral, type Pad } from './graph.ts';
import { type Canvas, fills, placementOf } from './layout.ts';
import { backgroundRect, blockOf, lettered, type TextResources } from './lettering.ts';
import { patternPicture } from './pattern.ts';
import { type Picture, solidPicture } from './picture.ts';
import { type FindAsset, fileOf } from './sound.ts';
import { overlapOf, repetitions, type Span } from './span.ts';
import { comingOf } from './transition.ts';

/** One thing that is put over what lies below it. */
export interface Layer {
  /** The frames of the window with it over what lies below. */
  readonly over: (graph: Graph, below: Pad) => Pad;
  /** The frames of the window without anything below: there where it hides everything in every frame of the window. */
  readonly alone: ((graph: Graph) => Pad) | undefined;
}

/** What layers are made from. */
export interface Scene {
  readonly canvas: Canvas;
  readonly seed: number;
  /** Frames of the window. */
  readonly window: Span;
  readonly find: FindAsset;
  readonly text: TextResources;
}

/** A picture over the frames of `span`, moved and faded as its clip is. */
function pictureLayer(picture: Picture, clip: PinnedClip, opacity: number, span: Span, scene: Scene): Layer {
  const { canvas, window } = scene;
  const coming = comingOf(clip, canvas);
  const { rect } = picture;
  const always = span.from === window.from && span.to === window.to;
  const covers = picture.opaque && opacity >= 1 && fills(rect, canvas) && always && coming.atRest(span);
  return {
    alone: covers ? (graph) => picture.draw(graph, span, 1) : undefined,
    over: (graph, below) => {
      const shift = coming.shift(span, rect);
      const place = (rest: number, move: string | undefined) =>
        move === undefined ? numeral(rest) : `${numeral(rest)}+${move}`;
      const shown = graph.chain(
        [picture.draw(graph, span, opacity)],
        filter('format', { pix_fmts: 'yuva420p' }),
        ...coming.fades(span),
      );
      return graph.chain(
        [below, shown],
        filter('overlay', {
          x: place(rect.x, shift.x),
          y: place(rect.y, shift.y),
          eof_action: 'pass',
          format: 'yuv420',
        }),
      );
    },
  };
}

function textLayers(clip: PinnedClip, span: Span, scene: Scene): Layer[] {
  const { asset } = clip;
  if (asset.type !== 'text' && asset.type !== 'timecode') return [];
  const { canvas, window } = scene;
  const block = blockOf(asset, clip, canvas, scene.text);
  if (block === undefined) return [];
  const layers: Layer[] = [];
  const { background } = asset;
  const rect = background === undefined ? undefined : backgroundRect(block, background.padding, canvas);
  if (background !== undefined && rect !== undefined) {
    const opacity = clip.opacity * background.opacity;
    layers.push(pictureLayer(solidPicture(rect, background.color, canvas), clip, opacity, span, scene));
  }
  const drawn = { asset, opacity: clip.opacity, coming: comingOf(clip, canvas), canvas };
  // Text moves with what lies behind it.
  const filters = lettered(block, drawn, { span, window, moving: rect ?? block.rect });
  if (filters.length > 0) {
    layers.push({ over: (graph, below) => graph.chain([below], ...filters), alone: undefined });
  }
  return layers;
}

function videoLayers(clip: PinnedClip, whole: Span, scene: Scene): Layer[] {
  const { asset } = clip;
  if (asset.type !== 'video') return [];
  const { canvas, window, find } = scene;
  const local = fileOf(asset, find);
  const placement = placementOf(clip, canvas, local.facts.video);
  if (placement === undefined) return [];
  const period = asset.loop ? loopFrames(local, asset.from, canvas.fps) : whole.to - whole.from;
  return Array.from(repetitions(whole, period, window)).flatMap((turn) => {
    const span = overlapOf(turn, window);
    if (span === undefined) return [];
    const playing: Playing = { at: turn.from, start: asset.from };
    return [pictureLayer(videoPicture(local, playing, placement, canvas), clip, clip.opacity, span, scene)];
  });
}

/** The layers of a clip in the window, lowest first; `label` tells clips of the description apart. */
export function layersOf(clip: PinnedClip, label: string, scene: Scene): Layer[] {
  const { canvas, window, seed, find } = scene;
  const whole = clipFrames(clip, canvas.fps);
  const span = overlapOf(whole, window);
  if (span === undefined || clip.opacity === 0) return [];
  const { asset } = clip;
  const shown = (picture: Picture) => [pictureLayer(picture, clip, clip.opacity, span, scene)];
  switch (asset.type) {
    case 'text':
    case 'timecode':
      return textLayers(clip, span, scene);
    case 'video':
      return videoLayers(clip, whole, scene);
    case 'image': {
      const local = fileOf(asset, find);
      const placement = placementOf(clip, canvas, local.facts.image ?? local.facts.video);
      return placement === undefined ? [] : shown(imagePicture(local, placement, canvas));
    }
    case 'color':
    case 'gradient':
    case 'pattern': {
      const placement = placementOf(clip, canvas);
      if (placement === undefined) return [];
      if (asset.type === 'color') return shown(solidPicture(placement.rect, asset.color, canvas));
      if (asset.type === 'gradient') return shown(gradientPicture(asset, placement, canvas, whole));
      return shown(patternPicture({ asset, placement, canvas, clip: whole, seed, label }));
    }
    case 'audio':
    case 'tone':
    case 'noise':
    case 'silence':
      return [];
  }
}
