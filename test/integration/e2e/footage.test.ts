import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { audioBoundary, gridOf, segmentCount } from '../../../src/grid/grid.ts';
import { playWithFfmpeg } from '../../support/ffmpeg-client.ts';
import { footageFolder, noFootage } from '../../support/footage.ts';
import { startStack, type TestStack } from '../../support/stack.ts';
import { correlation, hear, likeness, loudness, see, watch } from './watch.ts';

const folder = footageFolder;
if (noFootage !== undefined) process.stderr.write(`footage end to end: ${noFootage}\n`);

const postedSchema = z.object({ id: z.string(), url: z.string(), duration: z.number() });
const errorSchema = z.object({ error: z.object({ code: z.string(), problems: z.array(z.string()) }) });

interface Sketch {
  readonly size: { readonly width: number; readonly height: number };
  readonly fps: number;
  readonly duration: number;
  readonly background?: string;
  readonly tracks: readonly { readonly clips: readonly object[] }[];
}

/** AAC samples of a whole video. */
const samplesOf = ({ fps, duration }: Sketch): number => {
  const grid = gridOf({ num: fps, den: 1 }, Math.round(duration * fps));
  return audioBoundary(grid, segmentCount(grid)) * 1024;
};

/** ffmpeg's `-ac 2` makes mono 3 dB quieter; Segue plays it on both sides as it is. */
const mono = Math.SQRT2;

// Every file: size on the timeline, frames a second, how much of it is shown (seconds), how loud it is beside ffmpeg's own
// decode (the track of video.mp4 is silence, and one file has no sound). The sizes have the proportions that the file is to
// be seen in, turned where it says so and with its shape of pixels, so that it fills the frame.
const films = [
  ['video.mp4', { width: 320, height: 180 }, 25, 5, 0],
  ['video-h265.mp4', { width: 320, height: 180 }, 30, 6, 1],
  ['rotate-buck-bunny.mp4', { width: 180, height: 320 }, 24, 1.875, 1],
  ['bbb_1920x1080_60fps_vp8.webm', { width: 320, height: 180 }, 60, 1, 1],
  ['bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4', { width: 320, height: 180 }, 30, 4, 0],
  ['sample_portrait.mp4', { width: 160, height: 240 }, 30, 1, mono],
] as const;

describe.skipIf(noFootage !== undefined)('real footage', { timeout: 300_000 }, () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack({ env: { SEGUE_ASSETS: folder, SEGUE_LOG_LEVEL: 'warn' } });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  const send = (sketch: Sketch): Promise<Response> =>
    fetch(`${stack.url}/v1/videos`, {
      method: 'POST',
      body: JSON.stringify({ segue: 1, kind: 'timeline', ...sketch }),
    });
  const post = async (sketch: Sketch) => {
    const answer = await send(sketch);
    expect(answer.status, await answer.clone().text()).toBe(201);
    return postedSchema.parse(await answer.json());
  };

  test('a timeline of several clips, fitted, faded and looped, is played to its end with every frame and sample', async () => {
    const size = { width: 320, height: 180 };
    const film = (src: string, more: object = {}) => ({ type: 'video', src: `file:${src}`, ...more });
    const sketch: Sketch = {
      size,
      fps: 25,
      duration: 12,
      tracks: [
        {
          clips: [
            { start: 0, length: 4, asset: film('video.mp4'), fit: 'cover', fadeOut: 0.5 },
            {
              start: 3.6,
              length: 3.4,
              asset: film('rotate-buck-bunny.mp4', { loop: true }),
              fit: 'contain',
              volume: 0.8,
              fadeIn: 0.4,
              in: { type: 'fade', duration: 0.4 },
            },
            {
              start: 7,
              length: 5,
              asset: film('video-h265.mp4', { from: 2 }),
              fit: 'cover',
              in: { type: 'slide-left', duration: 0.4 },
              out: { type: 'fade', duration: 1 },
              fadeOut: 1,
            },
          ],
        },
        {
          clips: [
            {
              start: 1,
              length: 3,
              asset: film('sample_portrait.mp4', { loop: true }),
              position: { x: 0.85, y: 0.3 },
              scale: 0.3,
              volume: 0,
            },
          ],
        },
        {
          clips: [
            {
              start: 0,
              length: 6,
              asset: { type: 'audio', src: 'file:glitch-hop-is-dead.wav' },
              volume: 0.3,
              fadeOut: 2,
            },
          ],
        },
      ],
    };
    const { url } = await post(sketch);
    const played = await (await playWithFfmpeg(url)).done;
    expect(played.complaints).toEqual([]);
    expect(played).toMatchObject({ exitCode: 0, frames: 300, samples: samplesOf(sketch) });

    const { frames, sound } = await watch({ source: url, size });
    const scaled = `scale=${size.width}:${size.height}:flags=bicubic:out_color_matrix=bt709:out_range=tv`;
    const first = await see({ source: `${folder}/video.mp4`, size, filters: scaled });
    const third = await see({ source: `${folder}/video-h265.mp4`, size, filters: scaled });
    // The portrait clip lies over the right part only.
    for (const n of [0, 30, 80]) expect(likeness(frames[n], first.frames[n], size, 180)).toBeGreaterThan(30);
    for (const n of [10, 60]) {
      const moment = Math.round((2 + n / 25) * 30);
      const near = [moment - 1, moment, moment + 1].map((m) =>
        likeness(frames[175 + n], third.frames[m], size),
      );
      expect(Math.max(...near)).toBeGreaterThan(n === 10 ? 20 : 30);
    }
    // `contain` leaves the sides black; a faded picture ends black.
    expect(likeness(frames[140], Buffer.alloc(size.width * size.height, 16), size, 60)).toBeGreaterThan(40);
    expect(likeness(frames[299], Buffer.alloc(size.width * size.height, 16), size)).toBeGreaterThan(25);
    const second = (n: number) => loudness(sound.subarray(n * 96_000, (n + 1) * 96_000));
    const wav = (await hear(`${folder}/glitch-hop-is-dead.wav`)).sound;
    // In the first second only the music sounds (the track of video.mp4 is silence), at three tenths.
    expect(second(0) / loudness(wav.subarray(0, 96_000))).toBeCloseTo(0.3, 1);
    expect(loudness(sound.subarray(sound.length - 2 * 4800))).toBeLessThan(second(10) / 4);
  });

  test.each(films)(
    '%s: right size, the right way up, at its speed, with its sound',
    async (name, size, fps, seconds, gain) => {
      const asset = { type: 'video', src: `file:${name}` };
      const sketch: Sketch = {
        size,
        fps,
        duration: seconds,
        background: '#00ff00',
        tracks: [{ clips: [{ length: seconds, asset }] }],
      };
      const { url } = await post(sketch);
      const source = `${folder}/${name}`;
      // A picture that begins late is shown from the start of the file on.
      const filters = `fps=${fps}:start_time=0,scale=${size.width}:${size.height}:flags=bicubic:out_color_matrix=bt709:out_range=tv`;
      const [seen, file, its] = await Promise.all([
        watch({ source: url, size }),
        see({ source, size, filters }),
        hear(source),
      ]);
      expect(seen.complaints).toEqual([]);
      expect(seen.frames).toHaveLength(Math.round(seconds * fps));
      expect(seen.sound).toHaveLength(2 * samplesOf(sketch));

      const count = Math.min(seen.frames.length, file.frames.length);
      for (const part of [0, 0.25, 0.6, 0.95]) {
        const n = Math.floor(count * part);
        const alike = file.frames.map((frame) => likeness(seen.frames[n], frame, size));
        expect(alike[n], `frame ${n}`).toBeGreaterThan(30);
        // Of all frames of the file, none is more like it than that of the same moment (or one that looks the same).
        expect(Math.max(...alike) - (alike[n] ?? 0), `frame ${n}`).toBeLessThan(0.5);
      }
      if (gain > 0) {
        const heard = seen.sound.subarray(0, Math.min(seen.sound.length, its.sound.length));
        expect(loudness(heard) / loudness(its.sound.subarray(0, heard.length))).toBeCloseTo(gain, 1);
        expect(correlation(heard, its.sound)).toBeGreaterThan(0.9);
      } else {
        expect(loudness(seen.sound)).toBeLessThan(1e-4);
      }
    },
  );

  test('glitch-hop-is-dead.wav: its sound at its speed', async () => {
    const size = { width: 320, height: 180 };
    const src = 'file:glitch-hop-is-dead.wav';
    const sketch: Sketch = {
      size,
      fps: 25,
      duration: 9.6,
      tracks: [{ clips: [{ length: 9.6, asset: { type: 'audio', src } }] }],
    };
    const { url } = await post(sketch);
    const [seen, its] = await Promise.all([
      watch({ source: url, size }),
      hear(`${folder}/glitch-hop-is-dead.wav`),
    ]);
    expect(seen.complaints).toEqual([]);
    expect(seen.frames).toHaveLength(240);
    expect(seen.sound).toHaveLength(2 * samplesOf(sketch));
    for (const from of [0, 4 * 96_000, 8 * 96_000]) {
      const [heard, played] = [seen.sound, its.sound].map((sound) => sound.subarray(from, from + 96_000));
      expect(correlation(heard ?? new Int16Array(), played ?? new Int16Array())).toBeGreaterThan(0.9);
    }
    expect(loudness(seen.sound) / loudness(its.sound.subarray(0, seen.sound.length))).toBeCloseTo(1, 1);
  });

  test('what a file cannot be used as is said with the field', async () => {
    const use = async (asset: object) => {
      const size = { width: 320, height: 180 };
      const answer = await send({ size, fps: 25, duration: 1, tracks: [{ clips: [{ length: 1, asset }] }] });
      expect(answer.status).toBe(400);
      return errorSchema.parse(await answer.json()).error;
    };
    const wav = await use({ type: 'video', src: 'file:glitch-hop-is-dead.wav' });
    expect(wav).toEqual({
      code: 'asset_refused',
      problems: [expect.stringMatching(/^tracks\[0\]\.clips\[0\]\.asset\.src: the file has no video/)],
    });
    const mute = await use({ type: 'audio', src: 'file:bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4' });
    expect(mute.problems[0]).toMatch(/asset\.src: the file has no audio, only video/);
    const text = await use({ type: 'image', src: 'file:README.md' });
    expect(text.problems[0]).toMatch(/^tracks\[0\]\.clips\[0\]\.asset\.src: /);
    expect(text.problems[0]).not.toContain(folder);
  });
});
