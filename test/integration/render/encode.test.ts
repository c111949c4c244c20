import { describe, expect, test } from 'vitest';
import { gridOf, segmentDuration, windowOf } from '../../../src/grid/grid.ts';
import { makeSegment, type SegmentTask } from '../../../src/render/ffmpeg/encode.ts';
import { isPlayed, type Profile, profileNamed, renditionsOf } from '../../../src/render/profile.ts';
import { codecString } from '../../../src/segment/codec-string.ts';
import { FragmentReader } from '../../../src/segment/fragment.ts';
import { builds } from './builds.ts';
import { knownPlan, size } from './source.ts';

const profile = profileNamed('default');
if (profile === undefined) throw new Error('no default profile');
const grid = gridOf({ num: 25, den: 1 }, 100);
const window = windowOf(grid, 1);

function task(
  path: string,
  changes: Partial<SegmentTask> = {},
  settings: Profile = profile as Profile,
): SegmentTask {
  const renditions = renditionsOf({ ...size, frameRate: grid.frameRate }, settings).filter(isPlayed);
  return { plan: knownPlan(window, 'tone'), window, grid, n: 1, renditions, ffmpeg: { path }, ...changes };
}

/** The same plan with the end of its graph replaced. */
function graph(from: string, to: string): Pick<SegmentTask, 'plan'> {
  const plan = knownPlan(window, 'tone');
  expect(plan.filterGraph).toContain(from);
  return { plan: { ...plan, filterGraph: plan.filterGraph.replace(from, to) } };
}

const inits = new Map<string, Uint8Array>();

for (const { path, version } of await builds()) {
  describe(`ffmpeg ${version}`, () => {
    test('init segments are the same whichever build encodes', async () => {
      for (const [name, { init }] of await makeSegment(task(path))) {
        expect(init).toEqual(inits.get(name) ?? init);
        inits.set(name, init ?? new Uint8Array());
      }
      expect([...inits.keys()]).toEqual(['96p', 'audio']);
    });

    test('several video renditions come from one process, each of its size', async () => {
      const ladder = task(path, {}, { ...profile, name: 'ladder', scales: [1, 0.5, 0.25], leastSide: 24 });
      const made = await makeSegment(ladder);
      expect([...made.keys()]).toEqual(['96p', '48p', '24p', 'audio']);
      for (const rendition of ladder.renditions) {
        const { init, segment } = made.get(rendition.name) ?? {};
        const reader = new FragmentReader({ maxBytes: 1 << 24, maxSamples: 1000 });
        reader.push(init ?? new Uint8Array());
        reader.push(segment ?? new Uint8Array());
        const { config, samples } = reader.finish();
        expect(codecString(config)).toBe(rendition.codecs);
        expect(samples).toHaveLength(rendition.kind === 'video' ? 24 : 45);
        if (rendition.kind === 'video') {
          expect(config).toMatchObject({ width: rendition.width, height: rendition.height });
        }
      }
      // The first is what it is without the others.
      expect(made.get('96p')).toEqual((await makeSegment(task(path))).get('96p'));
    });

    test('one rendition alone, video or audio', async () => {
      for (const kind of ['video', 'audio'] as const) {
        const renditions = task(path).renditions.filter((rendition) => rendition.kind === kind);
        const alone = await makeSegment(task(path, { renditions }));
        const name = renditions[0]?.name ?? '';
        expect(alone.get(name)).toEqual((await makeSegment(task(path))).get(name));
      }
    });

    test('no segment is larger than its rendition promises, even of noise', async () => {
      const noise =
        `color=gray:s=${size.width}x${size.height}:r=25,noise=alls=100:allf=t,trim=end_frame=24,format=yuv420p[v];` +
        `anoisesrc=r=48000:a=0.9,atrim=end_sample=${window.sampleCount},aformat=sample_fmts=fltp:channel_layouts=stereo[a]`;
      const noisy = task(path, { plan: { inputs: [], filterGraph: noise } });
      const made = await makeSegment(noisy);
      for (const { name, kind, bandwidth } of noisy.renditions.filter(isPlayed)) {
        const bits = (made.get(name)?.segment.byteLength ?? Number.NaN) * 8;
        expect(bits / segmentDuration(grid, kind, 1)).toBeLessThanOrEqual(bandwidth);
      }
    });

    test.each([
      [
        'a frame too few',
        graph('trim=end_frame=24', 'trim=end_frame=23'),
        /96p: the encoder made 23 frames, not 24/,
      ],
      [
        'a frame too many',
        graph('trim=end_frame=24', 'trim=end_frame=30'),
        /96p: the encoder made 25 frames, not 24/,
      ],
      [
        'too little sound',
        graph(`end_sample=${window.sampleCount}`, 'end_sample=9000'),
        /audio: the encoder made \d+ AAC frames/,
      ],
      [
        'another size',
        graph('format=yuv420p', 'scale=64:64,format=yuv420p'),
        /96p: the encoder made 64x64, not 128x96/,
      ],
      ['a graph that is none', graph('color=c=gray', 'nosuchsource=1'), /ffmpeg failed .*/],
    ])('a plan that gives %s fails', async (_, changes, message) => {
      await expect(makeSegment(task(path, changes))).rejects.toMatchObject({
        code: 'render_failed',
        message,
      });
    });
  });
}
