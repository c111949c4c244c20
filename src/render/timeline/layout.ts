import type { PinnedClip } from '../../description/schema.ts';

/** What every frame of a video has in common. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
}

/** A rectangle in pixels of the frame, or in fractions of a picture. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where a clip is seen, and which part of its content that is. */
export interface Placement {
  /** Even numbers inside the frame (4:2:0 has no odd places). A clip is cut to the frame before it moves. */
  readonly rect: Rect;
  /** The part of the content that fills `rect`, as fractions of it. */
  readonly part: Rect;
  /** Width of the whole content divided by its height, as it is shown. */
  readonly aspect: number;
}

/** Nearer to a content edge than this (pixels), the whole content is shown. */
const snap = 2;

function boxOf(clip: PinnedClip, canvas: Canvas): Rect {
  const [width, height] = [canvas.width * clip.scale, canvas.height * clip.scale];
  return {
    x: clip.position.x * canvas.width - width / 2,
    y: clip.position.y * canvas.height - height / 2,
    width,
    height,
  };
}

function contentOf(box: Rect, fit: PinnedClip['fit'], size: { width: number; height: number }): Rect {
  if (fit === 'stretch') return box;
  const ratios = [box.width / size.width, box.height / size.height] as const;
  const factor = fit === 'cover' ? Math.max(...ratios) : Math.min(...ratios);
  const [width, height] = [size.width * factor, size.height * factor];
  return {
    x: box.x + (box.width - width) / 2,
    y: box.y + (box.height - height) / 2,
    width,
    height,
  };
}

const even = (value: number): number => 2 * Math.round(value / 2);

/** The seen part of one axis: from and to in even pixels of the frame, and as fractions of the content. */
function axis(content: [from: number, size: number], box: [from: number, size: number], frame: number) {
  const from = Math.max(0, even(Math.max(content[0], box[0])));
  const to = Math.min(frame, even(Math.min(content[0] + content[1], box[0] + box[1])));
  const start = from - content[0] < snap ? 0 : (from - content[0]) / content[1];
  const end = content[0] + content[1] - to < snap ? 1 : (to - content[0]) / content[1];
  return { from, size: to - from, start, share: end - start };
}

/**
 * Where a clip lies: its box is the frame times `scale` around `position`; content with a size of its own (display
 * pixels) is fitted into the box, other content fills it. Undefined when nothing of it is inside the frame.
 */
export function placementOf(
  clip: PinnedClip,
  canvas: Canvas,
  size?: { width: number; height: number },
): Placement | undefined {
  const box = boxOf(clip, canvas);
  const content = size === undefined ? box : contentOf(box, clip.fit, size);
  const across = axis([content.x, content.width], [box.x, box.width], canvas.width);
  const down = axis([content.y, content.height], [box.y, box.height], canvas.height);
  if (across.size < 2 || down.size < 2 || across.share <= 0 || down.share <= 0) return undefined;
  return {
    rect: { x: across.from, y: down.from, width: across.size, height: down.size },
    part: { x: across.start, y: down.start, width: across.share, height: down.share },
    aspect: content.width / content.height,
  };
}

/** Whether a rectangle is the whole frame. */
export function fills(rect: Rect, canvas: Canvas): boolean {
  return rect.x === 0 && rect.y === 0 && rect.width === canvas.width && rect.height === canvas.height;
}
