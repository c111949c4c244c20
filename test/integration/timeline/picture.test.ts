import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../support/folder.ts';
import { anyFfmpeg, builds, type Sketch, show, TestAssets, timeline, windowOfFrames } from './run-plan.ts';

const [width, height] = [320, 180];
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(`${folder.path}/text`);
});
afterAll(() => folder[Symbol.asyncDispose]());

type Clips = NonNullable<Sketch['tracks']>[number]['clips'];

describe.each(Object.entries(builds))('ffmpeg: %s', (_, ffmpeg) => {
  const frameOf = async (clips: Clips, frame = 0, assets = new TestAssets(folder.path)) => {
    const description = timeline({ size: { width, height }, fps: 25, duration: 2, tracks: [{ clips }] });
    const shown = await show(description, windowOfFrames(25, [frame, frame + 1]), {
      ffmpeg,
      assets,
      folder: folder.path,
    });
    return shown.frames[0] ?? Buffer.alloc(0);
  };
  const lumaAt = (frame: Buffer, x: number, y: number) => frame[y * width + x] ?? 0;
  /** The smallest rectangle with everything lighter than the background. */
  const bounds = (frame: Buffer, above = 60) => {
    let [left, right, top, bottom] = [width, -1, height, -1];
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if (lumaAt(frame, x, y) <= above) continue;
        [left, right, top, bottom] = [
          Math.min(left, x),
          Math.max(right, x),
          Math.min(top, y),
          Math.max(bottom, y),
        ];
      }
    }
    return { left, right, top, bottom };
  };

  test('colours are BT.709 in limited range, in solids, gradients, images and (white) text', async () => {
    const path = `${folder.path}/red.png`;
    execFileSync(anyFfmpeg, [
      '-v',
      'error',
      '-y',
      '-f',
      'lavfi',
      '-i',
      'color=0xff0000:s=64x36',
      '-frames:v',
      '1',
      '-pix_fmt',
      'rgb24',
      path,
    ]);
    const assets = new TestAssets(folder.path);
    const src = await assets.add(path);
    const red = [
      await frameOf([{ length: 1, asset: { type: 'color', color: '#ff0000' } }]),
      await frameOf([{ length: 1, asset: { type: 'gradient', colors: ['#ff0000', '#ff0000'] } }]),
      await frameOf([{ length: 1, asset: { type: 'image', src } }], 0, assets),
    ];
    for (const frame of red) {
      const middle = width * height + 45 * (width / 2) + 80;
      const seen = [lumaAt(frame, 160, 90), frame[middle] ?? 0, frame[middle + (width * height) / 4] ?? 0];
      [63, 102, 240].forEach((part, index) =>
        expect(Math.abs((seen[index] ?? 0) - part)).toBeLessThanOrEqual(1),
      );
    }
    const white = await frameOf([{ length: 1, asset: { type: 'text', text: '\u2588\u2588', size: 0.9 } }]);
    expect(lumaAt(white, 160, 90)).toBe(235);
  });

  test('an image is transparent where it says so', async () => {
    const path = `${folder.path}/half.png`;
    const half = 'color=white:s=64x36,format=rgba,geq=r=255:g=255:b=255:a=if(lt(X\\,32)\\,255\\,0)';
    execFileSync(anyFfmpeg, ['-v', 'error', '-y', '-f', 'lavfi', '-i', half, '-frames:v', '1', path]);
    const assets = new TestAssets(folder.path);
    const frame = await frameOf(
      [{ length: 1, asset: { type: 'image', src: await assets.add(path) } }],
      0,
      assets,
    );
    expect(lumaAt(frame, 80, 90)).toBe(235);
    expect(lumaAt(frame, 240, 90)).toBe(16);
  });

  test('text is centred on its position, lines aligned as asked, on their baselines', async () => {
    const text = 'HHH\nH';
    const at = async (align: 'left' | 'center' | 'right') =>
      bounds(await frameOf([{ length: 1, asset: { type: 'text', text, align, size: 0.2, font: 'mono' } }]));
    const center = await at('center');
    expect(Math.abs((center.left + center.right) / 2 - width / 2)).toBeLessThanOrEqual(3);
    expect(Math.abs((center.top + center.bottom) / 2 - height / 2)).toBeLessThanOrEqual(4);
    // Two lines of 0.2 of the height: from the top of one H to the foot of the next.
    expect(center.bottom - center.top).toBeGreaterThan(50);
    expect(center.bottom - center.top).toBeLessThan(72);
    const secondLine = async (align: 'left' | 'right') => {
      const frame = await frameOf([
        { length: 1, asset: { type: 'text', text, align, size: 0.2, font: 'mono' } },
      ]);
      return bounds(Buffer.from(frame.map((value, index) => (index < (width * height) / 2 ? 16 : value))));
    };
    const [left, right] = [await secondLine('left'), await secondLine('right')];
    expect(Math.abs(left.left - center.left)).toBeLessThanOrEqual(2);
    expect(Math.abs(right.right - center.right)).toBeLessThanOrEqual(2);
    // "x" and "xg" stand on one line although one reaches further down.
    const foot = async (word: string) =>
      bounds(await frameOf([{ length: 1, asset: { type: 'text', text: word, size: 0.3 } }]));
    const [plain, high] = [await foot('xx'), await foot('xH')];
    expect(Math.abs(plain.bottom - high.bottom)).toBeLessThanOrEqual(1);
  });

  test('what users write is shown as it is written', async () => {
    const hostile = "'%{pts}' \\ : , ; [v] %%";
    const shown = await frameOf([{ length: 1, asset: { type: 'text', text: hostile, size: 0.1 } }]);
    const { left, right } = bounds(shown);
    // 23 characters of about half the text size each.
    expect(right - left).toBeGreaterThan(120);
    expect(right - left).toBeLessThan(260);
  });

  test('a background lies behind its text, a fade lets half of both through', async () => {
    const asset = {
      type: 'text',
      text: 'HH',
      size: 0.3,
      color: '#ffffff',
      background: { color: '#ff8080', opacity: 1 },
    } as const;
    const full = await frameOf([{ length: 1, asset }]);
    const [outer, half] = [
      bounds(full),
      await frameOf([{ length: 1, asset, in: { type: 'fade', duration: 0.8 } }], 10),
    ];
    expect(outer.right - outer.left).toBeGreaterThan(80);
    expect(bounds(full, 200).left).toBeGreaterThan(outer.left + 8);
    const corner = [outer.left + 3, outer.top + 3] as const;
    expect(Math.abs(lumaAt(half, ...corner) - 16 - (lumaAt(full, ...corner) - 16) / 2)).toBeLessThanOrEqual(
      2,
    );
  });

  test('a slide comes from outside the frame and rests where its clip is', async () => {
    const clip = {
      length: 2,
      scale: 0.25,
      asset: { type: 'color' as const, color: '#ffffff' },
      in: { type: 'slide-left' as const, duration: 0.8 },
      out: { type: 'slide-up' as const, duration: 0.8 },
    };
    expect(bounds(await frameOf([clip], 0)).right).toBe(-1);
    const moving = bounds(await frameOf([clip], 8));
    const resting = bounds(await frameOf([clip], 22));
    expect(moving.left).toBeGreaterThan(resting.left);
    expect(resting).toEqual({ left: 120, right: 199, top: 68, bottom: 111 });
    expect(bounds(await frameOf([clip], 45)).top).toBeLessThan(resting.top);
  });

  test('the timecode tells the time of the frame', async () => {
    const clip = (asset: { type: 'timecode' } | { type: 'text'; text: string; font: 'mono' }) => [
      { length: 2, asset: { ...asset, size: 0.2 } },
    ];
    const timecode = await frameOf(clip({ type: 'timecode' }), 37);
    const written = await frameOf(clip({ type: 'text', text: '00:00:01:12', font: 'mono' }), 37);
    expect(timecode.equals(written)).toBe(true);
  });
});
