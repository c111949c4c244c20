import { clipTime } from './drifting.ts';
import { filter, type Graph, numeral } from './graph.ts';
import type { PatternSubject } from './pattern-subject.ts';
import { cut, formatted, held, type Picture, scaled, solidPicture } from './picture.ts';

/** Side of the moving mark, as a part of the height of the card. */
const markSide = 1 / 18;

/**
 * ffmpeg's test card, standing still because `testsrc2` cannot begin at any other time than 0; what moves is its hue and a
 * white mark that sweeps along the lower edge once in four seconds.
 */
export function testCard({ asset, placement: { rect, part }, canvas, clip }: PatternSubject): Picture {
  const side = Math.max(2, 2 * Math.round((rect.height * markSide) / 2));
  const time = clipTime(canvas, clip, asset.speed);
  const mark = solidPicture({ x: 0, y: 0, width: side, height: side }, '#ffffff', canvas);
  return {
    rect,
    opaque: true,
    draw: (graph: Graph, span, opacity) => {
      const card = graph.chain(
        [],
        filter('testsrc2', { size: '1280x720', rate: canvas.fps }),
        filter('trim', { end_frame: 1 }),
        // Drawn as RGB, because ffmpeg would draw YUV in BT.601.
        filter('format', { pix_fmts: 'rgb24' }),
        ...cut(part),
        ...scaled(rect),
        ...formatted(true, 1),
        ...held(canvas, span),
        filter('hue', { h: `mod(20*${time},360)` }),
      );
      const moving = graph.chain([mark.draw(graph, span, 1)], filter('format', { pix_fmts: 'yuva420p' }));
      return graph.chain(
        [card, moving],
        filter('overlay', {
          x: `${rect.width - side}*mod(${numeral(1 / 4)}*${time},1)`,
          y: rect.height - 2 * side,
          format: 'yuv420',
        }),
        ...formatted(true, opacity),
      );
    },
  };
}
