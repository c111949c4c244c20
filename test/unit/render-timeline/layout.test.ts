import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDescription } from '../../../src/description/parse.ts';
import type { PinnedClip } from '../../../src/description/schema.ts';
import { drawtextColor, mixed, rgbOf, yuvOf } from '../../../src/render/timeline/color.ts';
import { seekFor } from '../../../src/render/timeline/file-picture.ts';
import { dejavuFonts } from '../../../src/render/timeline/font.ts';
import { levelAlong } from '../../../src/render/timeline/gradient.ts';
import { escapeValue, filter, numeral } from '../../../src/render/timeline/graph.ts';
import { fills, placementOf } from '../../../src/render/timeline/layout.ts';
import { firstWorld, generationAt, livingFrames, nextWorld } from '../../../src/render/timeline/life.ts';
import { overlapOf, repetitions } from '../../../src/render/timeline/span.ts';
import { comingOf } from '../../../src/render/timeline/transition.ts';

const canvas = { width: 1280, height: 720, fps: 25 };
function clipWith(extra: object): PinnedClip {
  const clip = { length: 4, asset: { type: 'color', color: '#ffffff' }, ...extra };
  const description = parseDescription({
    segue: 1,
    kind: 'timeline',
    size: { width: canvas.width, height: canvas.height },
    fps: canvas.fps,
    duration: 60,
    tracks: [{ clips: [clip] }],
  });
  const [first] = description.kind === 'timeline' ? (description.tracks[0]?.clips ?? []) : [];
  if (first === undefined) throw new Error('no clip');
  return first as PinnedClip;
}

describe('placement', () => {
  test('without a size of its own, content fills its box', () => {
    const whole = placementOf(clipWith({}), canvas);
    expect(whole).toMatchObject({
      rect: { x: 0, y: 0, width: 1280, height: 720 },
      part: { x: 0, y: 0, width: 1, height: 1 },
    });
    expect(whole !== undefined && fills(whole.rect, canvas)).toBe(true);
    expect(placementOf(clipWith({ scale: 0.5, position: { x: 0.25, y: 0.75 } }), canvas)?.rect).toEqual({
      x: 0,
      y: 360,
      width: 640,
      height: 360,
    });
  });

  test('contain, cover and stretch of a portrait', () => {
    const size = { width: 720, height: 1080 };
    expect(placementOf(clipWith({ fit: 'contain' }), canvas, size)?.rect).toEqual({
      x: 400,
      y: 0,
      width: 480,
      height: 720,
    });
    const cover = placementOf(clipWith({ fit: 'cover' }), canvas, size);
    expect(cover?.rect).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
    expect(cover?.part.width).toBe(1);
    expect(cover?.part.height).toBeCloseTo(720 / 1920, 3);
    expect(placementOf(clipWith({ fit: 'stretch' }), canvas, size)).toMatchObject({
      rect: { width: 1280, height: 720 },
      part: { height: 1 },
    });
  });

  test('what is outside the frame is cut, or nothing at all', () => {
    const half = placementOf(clipWith({ position: { x: 1, y: 0.5 } }), canvas);
    expect(half).toMatchObject({ rect: { x: 640, width: 640 }, part: { x: 0, width: 0.5 } });
    expect(placementOf(clipWith({ position: { x: 2, y: 0.5 } }), canvas)).toBeUndefined();
  });

  test('always even, inside the frame, and part of the content', () => {
    const place = fc.double({ min: -2, max: 3, noNaN: true });
    const side = fc.integer({ min: 1, max: 8000 });
    fc.assert(
      fc.property(
        place,
        place,
        fc.double({ min: 0.01, max: 8, noNaN: true }),
        fc.constantFrom('cover', 'contain', 'stretch'),
        side,
        side,
        (x, y, scale, fit, width, height) => {
          const placed = placementOf(clipWith({ position: { x, y }, scale, fit }), canvas, { width, height });
          if (placed === undefined) return;
          const { rect, part } = placed;
          for (const value of Object.values(rect)) expect(value % 2).toBe(0);
          expect(Math.min(rect.x, rect.y, part.x, part.y)).toBeGreaterThanOrEqual(0);
          expect(rect.x + rect.width).toBeLessThanOrEqual(canvas.width);
          expect(rect.y + rect.height).toBeLessThanOrEqual(canvas.height);
          expect(Math.min(part.width, part.height)).toBeGreaterThan(0);
          expect(part.x + part.width).toBeLessThanOrEqual(1 + 1e-9);
          expect(part.y + part.height).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
    );
  });
});

describe('text of a graph', () => {
  test('values are escaped for both levels, numbers have no exponent', () => {
    expect(escapeValue("a:b'c\\d,e;[f]")).toBe(String.raw`a\\:b\\\'c\\\\d\,e\;\[f\]`);
    expect(filter('crop', { w: 2, x: 'mod(t,2)' })).toBe(String.raw`crop=w=2:x=mod(t\,2)`);
    expect([numeral(1e-7), numeral(0.1), numeral(-3), numeral(1 / 3)]).toEqual([
      '0',
      '0.1',
      '-3',
      '0.333333',
    ]);
  });
});

describe('spans', () => {
  test('overlaps are half-open', () => {
    expect(overlapOf({ from: 0, to: 5 }, { from: 5, to: 9 })).toBeUndefined();
    expect(overlapOf({ from: 0, to: 6 }, { from: 5, to: 9 })).toEqual({ from: 5, to: 6 });
  });

  test('repetitions cover the window without gap or overlap, whatever the window', () => {
    fc.assert(
      fc.property(
        fc.nat(50),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(80),
        fc.integer({ min: 1, max: 60 }),
        (from, length, period, start, count) => {
          const [span, window] = [
            { from, to: from + length },
            { from: start, to: start + count },
          ];
          const turns = Array.from(repetitions(span, period, window));
          const frames = turns.flatMap((turn) => {
            expect((turn.from - from) % period).toBe(0);
            const part = overlapOf(turn, window);
            return part === undefined
              ? []
              : Array.from({ length: part.to - part.from }, (_, index) => part.from + index);
          });
          const common = overlapOf(span, window);
          expect(frames).toEqual(
            common === undefined
              ? []
              : Array.from({ length: common.to - common.from }, (_, index) => common.from + index),
          );
        },
      ),
    );
  });
});

describe('transitions', () => {
  const clip = clipWith({
    start: 2,
    in: { type: 'fade', duration: 1 },
    out: { type: 'slide-left', duration: 0.4 },
  });
  const coming = comingOf(clip, canvas);
  const rect = { x: 320, y: 180, width: 640, height: 360 };

  test('are compiled only where they are on', () => {
    expect(coming.atRest({ from: 80, to: 139 })).toBe(true);
    expect(coming.fades({ from: 75, to: 100 })).toEqual([]);
    expect(coming.fades({ from: 74, to: 100 })).toEqual(['fade=type=in:alpha=1:start_time=2:duration=1']);
    expect(coming.opacity({ from: 50, to: 60 })).toBe('clip((t*25-50)/25,0,1)');
    expect(coming.shift({ from: 100, to: 140 }, rect)).toEqual({});
  });

  test('move from the place of rest to just outside the frame', () => {
    expect(coming.shift({ from: 140, to: 150 }, rect)).toEqual({
      x: '(-960)*pow(clip((t*25-140)/10,0,1),3)',
    });
  });
});

describe('colours', () => {
  test('BT.709 in limited range', () => {
    expect(yuvOf([255, 255, 255])).toEqual({ y: 235, u: 128, v: 128 });
    expect(yuvOf([0, 0, 0])).toEqual({ y: 16, u: 128, v: 128 });
    expect(yuvOf([255, 0, 0])).toEqual({ y: 63, u: 102, v: 240 });
  });

  test('greys are asked of drawtext as they are, colours changed for its BT.601', () => {
    expect(drawtextColor('#ffffff')).toBe('0xffffff');
    expect(drawtextColor('#000000')).toBe('0x000000');
    expect(drawtextColor('#408060')).not.toBe('0x408060');
  });

  test('gradients end in the corners that their angle points to', () => {
    const along = levelAlong(90, 16 / 9);
    expect([along(0.3, 0), along(0.9, 1)].map((value) => Number(value.toFixed(9)))).toEqual([0, 1]);
    expect(levelAlong(45, 1)(0, 0)).toBeCloseTo(0, 9);
    expect(
      mixed(
        [
          [0, 0, 0],
          [200, 100, 50],
          [0, 0, 0],
        ].map(([r = 0, g = 0, b = 0]) => [r, g, b] as const),
        0.25,
      ),
    ).toEqual([100, 50, 25]);
    expect(rgbOf('#0a141e')).toEqual([10, 20, 30]);
  });
});

describe('life', () => {
  const colors = [yuvOf([0, 0, 0]), yuvOf([255, 255, 255])] as const;
  const world = firstWorld(16, 12, 7, 'test');

  test('a blinker blinks', () => {
    const cells = new Uint8Array(25);
    cells.set([1, 1, 1], 11);
    const once = nextWorld({ columns: 5, rows: 5, cells });
    expect([7, 12, 17].map((index) => once.cells[index])).toEqual([1, 1, 1]);
    expect(nextWorld(once).cells).toEqual(cells);
  });

  test('frames depend on their number alone, also where it begins anew', async () => {
    const frames = async (from: number, to: number) => {
      const seen: string[] = [];
      const range = { from, to, fps: 25, speed: 10 };
      for await (const frame of livingFrames(world, colors, range, AbortSignal.timeout(10_000))) {
        seen.push(Buffer.from(frame).toString('latin1'));
      }
      return seen;
    };
    const whole = await frames(0, 200);
    expect(generationAt(160, 25, 10)).toBe(0);
    expect(whole[160]).toBe(whole[0]);
    expect(await frames(150, 170)).toEqual(whole.slice(150, 170));
  });
});

describe('fonts and files', () => {
  test('advances are those of the font', () => {
    const font = dejavuFonts();
    expect(font('mono').advance(0x41)).toBe(1233 / 2048);
    expect(font('sans').advance(0x41)).toBe(1401 / 2048);
    expect(font('sans').lineHeight).toBeCloseTo(1.164, 3);
    // Not in the font: the width of the box that is drawn instead.
    expect(font('sans').advance(0x1f600)).toBe(font('sans').advance(0xe000));
  });

  test('a decoder begins at a whole second at or before what is seen, and never behind the last frame', () => {
    fc.assert(
      fc.property(
        fc.nat(3000),
        fc.nat(3000),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.double({ min: 0.1, max: 60, noNaN: true }),
        (at, later, start, duration) => {
          const seek = seekFor({ at, start }, at + later, 25, duration);
          const seen = start + (at + later - seek.at) / 25;
          expect(Number.isInteger(seek.seconds)).toBe(true);
          expect(seek.seconds).toBeLessThanOrEqual(Math.max(0, Math.min(seen + 1e-6, duration)));
          expect(seek.at).toBeGreaterThanOrEqual(at);
          if (start + later / 25 < duration) expect(seek.at).toBe(at);
          else expect(seen).toBeGreaterThanOrEqual(Math.min(start, duration) - 1e-6);
        },
      ),
    );
  });
});
