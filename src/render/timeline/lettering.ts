import type { ClipAsset, PinnedClip } from '../../description/schema.ts';
import { drawtextColor } from './color.ts';
import type { Font, FontName } from './font.ts';
import { filter, numeral } from './graph.ts';
import type { Canvas, Rect } from './layout.ts';
import type { Span } from './span.ts';
import type { Coming } from './transition.ts';

/** Where text finds its fonts and leaves its contents. */
export interface TextResources {
  readonly font: (name: FontName) => Font;
  /** Path of a file with exactly this content. */
  readonly textFile: (content: string) => string;
}

type TextAsset = Extract<ClipAsset, { type: 'text' | 'timecode' }>;

/** Pixels between which text is drawn: smaller is unreadable, larger only costs memory. */
const textPixels = (canvas: Canvas) => ({ least: 4, most: 2 * canvas.height });

/** Text laid out: a block of lines. Widths are by the font's tables, a pixel or two beside what drawtext makes of them. */
export interface Block {
  readonly lines: readonly { readonly file: string; readonly baseline: number }[];
  /** The text size in whole pixels. */
  readonly pixels: number;
  readonly rect: Rect;
  readonly font: Font;
  readonly timecode: boolean;
}

/** Hours, minutes, seconds and frames since the start of the video, in the language of drawtext's expansion. */
export function timecodeText(fps: number): string {
  const frame = `floor(t*${fps}+0.5)`;
  const part = (expression: string) => `%{eif:${expression}:d:2}`;
  const seconds = `floor(${frame}/${fps})`;
  return [
    part(`floor(${seconds}/3600)`),
    part(`mod(floor(${seconds}/60),60)`),
    part(`mod(${seconds},60)`),
    part(`mod(${frame},${fps})`),
  ].join(':');
}

const seenTimecode = '00:00:00:00';

const widthOf = (line: string, font: Font): number =>
  Array.from(line).reduce((sum, character) => sum + font.advance(character.codePointAt(0) ?? 0), 0);

/** Lays a text out around the position of its clip. Undefined when nothing of it is inside the frame. */
export function blockOf(
  asset: TextAsset,
  clip: PinnedClip,
  canvas: Canvas,
  resources: TextResources,
): Block | undefined {
  const font = resources.font(asset.font);
  const { least, most } = textPixels(canvas);
  const wanted = (asset.size * clip.scale * canvas.height) / font.lineHeight;
  const pixels = Math.min(most, Math.max(least, Math.round(wanted)));
  const pitch = pixels * font.lineHeight;
  const shown = asset.type === 'text' ? asset.text.split('\n') : [seenTimecode];
  const width = Math.max(...shown.map((line) => widthOf(line, font))) * pixels;
  const height = pitch * shown.length;
  const [x, y] = [clip.position.x * canvas.width - width / 2, clip.position.y * canvas.height - height / 2];
  if (x >= canvas.width || y >= canvas.height || x + width <= 0 || y + height <= 0) return undefined;
  const lines = shown.flatMap((line, index) => {
    const top = y + index * pitch;
    // Lines outside the frame are not drawn: it bounds the filters of a long text.
    if (line.trim() === '' || top >= canvas.height || top + pitch <= 0) return [];
    const content = asset.type === 'text' ? line : timecodeText(canvas.fps);
    return [{ file: resources.textFile(content), baseline: top + font.ascent * pixels }];
  });
  return { lines, pixels, rect: { x, y, width, height }, font, timecode: asset.type === 'timecode' };
}

/** The rectangle behind a block, in even pixels and cut to the frame; undefined when none of it is inside. */
export function backgroundRect({ rect, pixels }: Block, padding: number, canvas: Canvas): Rect | undefined {
  const pad = padding * pixels;
  const axis = (from: number, size: number, frame: number) => {
    const start = Math.max(0, 2 * Math.round((from - pad) / 2));
    return { start, size: Math.min(frame, 2 * Math.round((from + size + pad) / 2)) - start };
  };
  const across = axis(rect.x, rect.width, canvas.width);
  const down = axis(rect.y, rect.height, canvas.height);
  if (across.size < 2 || down.size < 2) return undefined;
  return { x: across.start, y: down.start, width: across.size, height: down.size };
}

function leftOf(align: TextAsset['align'], { x, width }: Rect): string {
  switch (align) {
    case 'left':
      return numeral(x);
    case 'center':
      return `${numeral(x + width / 2)}-tw/2`;
    case 'right':
      return `${numeral(x + width)}-tw`;
  }
}

/** Filters that draw a block over the frames of the window: one a line, so that lines can be aligned and stand on their baselines. */
export function lettered(
  block: Block,
  { asset, opacity, coming, canvas }: { asset: TextAsset; opacity: number; coming: Coming; canvas: Canvas },
  { span, window, moving }: { span: Span; window: Span; moving: Rect },
): string[] {
  const shift = coming.shift(span, moving);
  const fading = coming.opacity(span);
  const alpha = fading === undefined ? numeral(opacity) : `${numeral(opacity)}*${fading}`;
  const edge = (frame: number) => numeral((frame - 0.5) / canvas.fps);
  const always = span.from <= window.from && span.to >= window.to;
  const options = {
    fontfile: block.font.path,
    fontsize: block.pixels,
    fontcolor: drawtextColor(asset.color),
    ...(alpha === '1' ? {} : { alpha }),
    ...(asset.outline === undefined
      ? {}
      : {
          bordercolor: drawtextColor(asset.outline.color),
          borderw: Math.round(asset.outline.width * block.pixels),
        }),
    // Between frames, so that no rounding of t decides about one.
    ...(always ? {} : { enable: `gte(t,${edge(span.from)})*lt(t,${edge(span.to)})` }),
  };
  return block.lines.map(({ file, baseline }) =>
    filter('drawtext', {
      ...options,
      textfile: file,
      expansion: block.timecode ? 'normal' : 'none',
      x: [leftOf(asset.align, block.rect), ...(shift.x === undefined ? [] : [shift.x])].join('+'),
      y: [`${numeral(Math.round(baseline))}-ascent`, ...(shift.y === undefined ? [] : [shift.y])].join('+'),
    }),
  );
}
