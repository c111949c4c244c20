import { expect, test } from 'vitest';
import { avcLevelOf } from '../../../src/render/avc-level.ts';
import { profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { renderIdOf } from '../../../src/render/render-id.ts';

const rate = (fps: number) => ({ num: fps, den: 1 });
const profile = profileNamed('default');
if (profile === undefined) throw new Error('no default profile');

test.each([
  [1280, 720, 25, 31],
  [1280, 720, 50, 32],
  [1920, 1080, 25, 40],
  [1920, 1080, 60, 42],
  [640, 360, 25, 30],
  [320, 180, 25, 12],
  [3840, 2160, 30, 51],
  [3840, 2160, 60, 52],
])('%ix%i at %i frames a second needs level_idc %i', (width, height, fps, level) => {
  expect(avcLevelOf(width, height, rate(fps), 1_000)).toBe(level);
});

test('bit rate raises the level, and what no level admits is refused', () => {
  expect(avcLevelOf(1280, 720, rate(25), 20_000_000)).toBe(32);
  expect(() => avcLevelOf(20_000, 20_000, rate(60), 1_000)).toThrow(RangeError);
  // Few macroblocks, but too many in one row for level 3.1.
  expect(avcLevelOf(200 * 16, 16, rate(1), 1_000)).toBe(32);
});

test('the default profile makes one video rendition and the audio', () => {
  const renditions = renditionsOf({ width: 1280, height: 720, frameRate: rate(25) }, profile);
  expect(
    renditions.map(({ name, kind, codecs, timescale, sampleDuration }) => ({
      name,
      kind,
      codecs,
      timescale,
      sampleDuration,
    })),
  ).toEqual([
    { name: '720p', kind: 'video', codecs: 'avc1.64001f', timescale: 25_000, sampleDuration: 1000 },
    { name: 'audio', kind: 'audio', codecs: 'mp4a.40.2', timescale: 48_000, sampleDuration: 1024 },
  ]);
});

test('frames are whole at NTSC rates', () => {
  const [video] = renditionsOf({ width: 640, height: 360, frameRate: { num: 30_000, den: 1001 } }, profile);
  expect(video).toMatchObject({ timescale: 30_000, sampleDuration: 1001 });
});

test('a ladder has even sizes, each once', () => {
  const ladder = { ...profile, name: 'ladder', scales: [1, 0.5, 0.5006, 0.25] };
  const renditions = renditionsOf({ width: 1278, height: 722, frameRate: rate(25) }, ladder);
  const names = renditions.map(({ name }) => name);
  expect(names).toEqual(['722p', '362p', '180p', 'audio']);
  for (const rendition of renditions) {
    if (rendition.kind === 'video') expect([rendition.width % 2, rendition.height % 2]).toEqual([0, 0]);
  }
});

test('only known profiles have a name', () => {
  expect(profileNamed('nosuch')).toBeUndefined();
  expect(profileNamed('constructor')).toBeUndefined();
});

test('a render id is stable, URL-safe, and changes with each thing that bytes depend on', async () => {
  const ids = await Promise.all([
    renderIdOf('video', '1', profile, 1),
    renderIdOf('video2', '1', profile, 1),
    renderIdOf('video', '2', profile, 1),
    renderIdOf('video', '1', { ...profile, crf: 20 }, 1),
    renderIdOf('video', '1', profile, 2),
  ]);
  expect(new Set(ids).size).toBe(5);
  for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/);
  expect(await renderIdOf('video', '1', { ...profile }, 1)).toBe(ids[0]);
});
