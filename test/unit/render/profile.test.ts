import { expect, test } from 'vitest';
import { av1LevelOf } from '../../../src/render/coding/av1.ts';
import { avcLevelOf } from '../../../src/render/coding/avc-level.ts';
import { hevcLevelOf } from '../../../src/render/coding/hevc.ts';
import { isPlayed, profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { renderIdOf } from '../../../src/render/render-id.ts';
import { isStill } from '../../../src/render/rendition.ts';
import { segmentsOf } from '../../../src/rendition/kind.ts';
import { isOnDemand } from '../../../src/rendition/on-demand.ts';

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
    renditions.filter(isPlayed).map(({ name, kind, codecs, timescale, sampleDuration }) => ({
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
  const ladder = { ...profile, name: 'ladder', scales: [1, 0.5, 0.5006, 0.25, 0.1] };
  const renditions = renditionsOf({ width: 1278, height: 722, frameRate: rate(25) }, ladder);
  const names = renditions.filter(isPlayed).map(({ name }) => name);
  expect(names).toEqual(['722p', '362p', '180p', 'audio']);
  for (const rendition of renditions) {
    if (rendition.kind === 'video') expect([rendition.width % 2, rendition.height % 2]).toEqual([0, 0]);
  }
});

test.each([
  [1280, 720, ['720p', '480p', '240p']],
  [1920, 1080, ['1080p', '720p', '360p']],
  [720, 1280, ['1280p', '854p', '426p']],
  [320, 180, ['180p', '120p']],
])('the ladder of %ix%i', (width, height, names) => {
  const ladder = profileNamed('ladder');
  if (ladder === undefined) throw new Error('no ladder');
  const renditions = renditionsOf({ width, height, frameRate: rate(25) }, ladder);
  expect(renditions.flatMap(({ kind, name }) => (kind === 'video' ? [name] : []))).toEqual(names);
});

test('every profile has key frames for seeking, thumbnails and a poster', () => {
  const stills = renditionsOf({ width: 1280, height: 720, frameRate: rate(25) }, profile).filter(isStill);
  expect(
    stills.map(({ name, kind, container, width, height }) => [name, kind, container, width, height]),
  ).toEqual([
    ['iframes', 'iframes', 'fmp4', 640, 360],
    ['thumbnails', 'images', 'jpeg', 320, 180],
    ['poster', 'images', 'jpeg', 1280, 720],
  ]);
  expect(stills.map((still) => segmentsOf(still, 7))).toEqual([7, 7, 1]);
});

test.each([
  // What SVT-AV1 and libx265 wrote for these.
  [426, 240, 25, 60, 0],
  [854, 480, 25, 90, 4],
  [1280, 720, 25, 93, 5],
  [1280, 720, 60, 120, 8],
  [1920, 1080, 60, 123, 9],
  [3840, 2160, 25, 150, 12],
])('%ix%i at %i: HEVC level %i, AV1 level index %i', (width, height, fps, hevc, av1) => {
  expect(hevcLevelOf(width, height, rate(fps), 1_000)).toBe(hevc);
  expect(av1LevelOf(width, height, rate(fps))).toBe(av1);
});

test('what no level of HEVC or AV1 admits is refused', () => {
  expect(() => hevcLevelOf(20_000, 20_000, rate(60), 1_000)).toThrow(RangeError);
  expect(() => av1LevelOf(20_000, 20_000, rate(60))).toThrow(RangeError);
});

test.each([
  ['none', []],
  ['stills', ['iframes', 'thumbnails', 'poster']],
  ['lower', ['480p', '240p', 'iframes', 'thumbnails', 'poster']],
] as const)('with the policy %s, %j are made on demand', (policy, names) => {
  const ladder = profileNamed('ladder');
  if (ladder === undefined) throw new Error('no ladder');
  const all = renditionsOf({ width: 1280, height: 720, frameRate: rate(25) }, ladder);
  const asked = all.filter(({ kind }, index) =>
    isOnDemand(policy, kind, all.findIndex((other) => other.kind === kind) === index),
  );
  expect(asked.map(({ name }) => name)).toEqual(names);
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
