import { checkerPicture, lifePicture, staticPicture } from './cell-picture.ts';
import { filter } from './graph.ts';
import type { PatternSubject } from './pattern-subject.ts';
import { cut, formatted, held, type Picture, scaled } from './picture.ts';
import { testCard } from './test-card.ts';
import { hills, rings } from './texture.ts';
import { mandelbrotPicture, movingTextures } from './texture-picture.ts';

function barsPicture({ placement: { rect, part }, canvas }: PatternSubject): Picture {
  return {
    rect,
    opaque: true,
    draw: (graph, span, opacity) =>
      graph.chain(
        [],
        filter('smptehdbars', { size: '1280x720', rate: canvas.fps }),
        filter('trim', { end_frame: 1 }),
        ...cut(part),
        ...scaled(rect, { from: 'bt709' }),
        ...formatted(true, opacity),
        ...held(canvas, span),
      ),
  };
}

/** The picture of a generated pattern: a pure function of the time since the clip began. */
export function patternPicture(subject: PatternSubject): Picture {
  const { asset, seed, label } = subject;
  switch (asset.pattern) {
    case 'bars':
      return barsPicture(subject);
    case 'testcard':
      return testCard(subject);
    case 'plasma': {
      const pair = [hills(asset.cells, seed, `${label}a`), hills(asset.cells, seed, `${label}b`)] as const;
      return movingTextures(subject, pair, '(0.5-0.5*cos(val*0.045))');
    }
    case 'waves': {
      const pair = [rings(asset.cells, seed, `${label}a`), rings(asset.cells, seed, `${label}b`)] as const;
      return movingTextures(subject, pair, '(val/255)');
    }
    case 'life':
      return lifePicture(subject);
    case 'mandelbrot':
      return mandelbrotPicture(subject);
    case 'static':
      return staticPicture(subject);
    case 'checker':
      return checkerPicture(subject);
  }
}
