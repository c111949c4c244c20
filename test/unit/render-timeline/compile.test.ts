import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LocalAsset } from '../../../src/asset/asset.ts';
import { parseDescription } from '../../../src/description/parse.ts';
import type { DescriptionInput, PinnedTimeline } from '../../../src/description/schema.ts';
import type { SegmentWindow } from '../../../src/grid/grid.ts';
import type { SourcePlan } from '../../../src/render/source.ts';
import { compileTimeline } from '../../../src/render/timeline/compile.ts';
import { dejavuFonts } from '../../../src/render/timeline/font.ts';

type TimelineInput = Extract<DescriptionInput, { kind: 'timeline' }>;
type ClipInput = NonNullable<TimelineInput['tracks']>[number]['clips'][number];

const fps = 25;
const hex = 'ab'.repeat(32);
const src = `sha256:${hex}`;
const file = (seconds: number): LocalAsset => ({
  sha256: hex,
  path: "/data/it's, a [folder]; of: things/file",
  audioPath: '/data/file.wav',
  facts: {
    sha256: hex,
    bytes: 1,
    format: 'mov,mp4,m4a,3gp,3g2,mj2',
    durationSeconds: seconds,
    video: {
      codec: 'h264',
      width: 640,
      height: 360,
      frameRate: 30,
      rotation: 0,
      durationSeconds: seconds,
      frames: 30,
    },
    audio: { codec: 'aac', channels: 2, sampleRate: 48_000, durationSeconds: seconds },
    image: { codec: 'png', width: 640, height: 360 },
  },
});

function describedBy(clips: ClipInput[], duration = 10): PinnedTimeline {
  const size = { width: 320, height: 180 };
  const description = parseDescription({
    segue: 1,
    kind: 'timeline',
    size,
    fps,
    duration,
    tracks: clips.length === 0 ? [] : [{ clips }],
  });
  if (description.kind !== 'timeline') throw new Error('not a timeline');
  return description as PinnedTimeline;
}

const windowAt = (firstFrame: number, frameCount: number): SegmentWindow => ({
  frameRate: { num: fps, den: 1 },
  firstFrame,
  frameCount,
  sampleRate: 48_000,
  firstSample: firstFrame * 1920 - 2048,
  sampleCount: frameCount * 1920 + 3072,
});

function compiled(
  clips: ClipInput[],
  window: SegmentWindow,
  asset = file(4),
): SourcePlan & { texts: string[] } {
  const texts: string[] = [];
  const textFile = (content: string) => `/texts/${texts.push(content)}.txt`;
  const plan = compileTimeline(describedBy(clips), () => asset, window, { font: dejavuFonts(), textFile });
  return { ...plan, texts };
}

/** Chains of a graph: what each takes and gives. Splits where ffmpeg does: at separators that are not escaped. */
function chainsOf(graph: string) {
  return graph.split(/(?<!\\);/).map((chain) => {
    const [, taken = '', filters = '', given = ''] =
      /^((?:\[[^\]]+\])*)(.*?)((?:\[[^\]]+\])+)$/s.exec(chain) ?? [];
    const pads = (text: string) => Array.from(text.matchAll(/\[([^\]]+)\]/g), ([, pad]) => pad ?? '');
    return { takes: pads(taken), filters, gives: pads(given) };
  });
}

const clipArbitrary = fc
  .record({
    start: fc.integer({ min: 0, max: 200 }).map((frame) => frame / fps),
    length: fc.integer({ min: 4, max: 50 }).map((frames) => frames / fps),
    scale: fc.double({ min: 0.01, max: 8, noNaN: true }),
    opacity: fc.constantFrom(0, 0.3, 1),
    volume: fc.constantFrom(0, 1, 3),
    position: fc.record({
      x: fc.double({ min: -1, max: 2, noNaN: true }),
      y: fc.double({ min: -1, max: 2, noNaN: true }),
    }),
    fit: fc.constantFrom('cover' as const, 'contain' as const, 'stretch' as const),
    in: fc.option(
      fc.record({
        type: fc.constantFrom('fade' as const, 'slide-left' as const, 'slide-down' as const),
        duration: fc.constant(0.08),
      }),
      { nil: undefined },
    ),
    asset: fc.oneof(
      fc.constant({ type: 'color' as const, color: '#123456' }),
      fc.constant<ClipInput['asset']>({ type: 'gradient', colors: ['#000000', '#ffffff'], motion: 'drift' }),
      fc
        .constantFrom('bars', 'testcard', 'plasma', 'waves', 'life', 'mandelbrot', 'static', 'checker')
        .map((pattern) => ({ type: 'pattern' as const, pattern: pattern as 'bars' })),
      fc.constant({ type: 'image' as const, src }),
      fc.boolean().map((loop) => ({ type: 'video' as const, src, loop })),
      fc
        .string({
          minLength: 1,
          maxLength: 20,
          unit: fc.constantFrom(...Array.from('aZ0 \'"\\:;,[]%{}=@|$\n\u00e9')),
        })
        .map((text) => ({ type: 'text' as const, text, background: {} })),
      fc.constant({ type: 'timecode' as const }),
    ),
  })
  .map(
    ({ in: into, asset, ...clip }): ClipInput => ({
      ...clip,
      asset,
      ...(into === undefined ? {} : { in: into }),
    }),
  );

describe('compileTimeline', () => {
  test('every pad is given once and taken once; [v] and [a] are left; every input is used', () => {
    fc.assert(
      fc.property(
        fc.array(clipArbitrary, { maxLength: 6 }),
        fc.nat({ max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        (clips, from, count) => {
          const { filterGraph, inputs, feeds = [] } = compiled(clips, windowAt(from, count));
          const chains = chainsOf(filterGraph);
          const given = chains.flatMap(({ gives }) => gives);
          const taken = chains.flatMap(({ takes }) => takes);
          expect(new Set(given).size).toBe(given.length);
          expect(new Set(taken).size).toBe(taken.length);
          const fromInputs = taken.filter((pad) => pad.includes(':'));
          expect(fromInputs.map((pad) => Number(pad.split(':')[0])).sort((a, b) => a - b)).toEqual(
            inputs.map((_, index) => index),
          );
          expect([...taken.filter((pad) => !pad.includes(':')), 'a', 'v'].sort()).toEqual(given.toSorted());
          for (const { inputIndex } of feeds) expect(inputs[inputIndex]?.at(-1)).toBe('pipe:feed');
          for (const input of inputs) expect(input.at(-2)).toBe('-i');
        },
      ),
      { numRuns: 150 },
    );
  });

  test('nothing that a user wrote as text stands in the graph or the arguments', () => {
    const hostile = "hack':[v];movie=/etc/passwd,%{localtime}";
    const plan = compiled(
      [{ length: 5, asset: { type: 'text', text: `${hostile}\n\nsecond` } }],
      windowAt(0, 25),
    );
    expect(plan.texts).toEqual([hostile, 'second']);
    expect(plan.filterGraph).not.toMatch(/hack|movie|passwd|localtime|second/);
    expect(plan.inputs).toEqual([]);
    expect(plan.filterGraph.match(/expansion=none/g)).toHaveLength(2);
  });

  test('only clips in the window are compiled, and nothing that is hidden throughout', () => {
    const clips: ClipInput[] = [
      { start: 0, length: 4, asset: { type: 'video', src } },
      { start: 2, length: 2, asset: { type: 'gradient', colors: ['#000000', '#ffffff'] } },
      { start: 6, length: 1, asset: { type: 'image', src } },
    ];
    const inputs = (from: number, count: number) => compiled(clips, windowAt(from, count)).inputs.length;
    // The video and its sound; the gradient instead of its picture; the sound's pre-roll alone; the image.
    expect([inputs(0, 25), inputs(50, 25), inputs(100, 10), inputs(150, 10), inputs(200, 10)]).toEqual([
      2, 2, 1, 1, 0,
    ]);
  });

  test('inputs from files are guarded, decode in one thread and begin at a whole second', () => {
    const { inputs } = compiled(
      [{ start: 1.2, length: 6, asset: { type: 'video', src, from: 0.7 } }],
      windowAt(77, 25),
      file(60),
    );
    const [video = []] = inputs;
    // Frame 77 is 1.88 s into the clip, 2.58 s into the file.
    expect(video[video.indexOf('-ss') + 1]).toBe('2');
    expect(video[video.indexOf('-threads') + 1]).toBe('1');
    expect(video).toContain('-noaccurate_seek');
    expect(video[video.indexOf('-protocol_whitelist') + 1]).toBe('file,pipe');
    expect(video).toContain('-format_whitelist');
  });

  test('a clip far longer than its file seeks to its end, not beyond', () => {
    const { inputs } = compiled([{ length: 10, asset: { type: 'video', src } }], windowAt(240, 5), file(2.5));
    const [video = []] = inputs;
    expect(video[video.indexOf('-ss') + 1]).toBe('2');
  });

  test('a loop that is too short is refused in words', () => {
    const clips: ClipInput[] = [{ length: 5, asset: { type: 'video', src, loop: true, from: 3.9 } }];
    expect(() => compiled(clips, windowAt(0, 25))).toThrow(
      /loops a piece of a file that is shorter than 0\.2 s/,
    );
  });

  test('a plan depends on its arguments alone', () => {
    fc.assert(
      fc.property(fc.array(clipArbitrary, { maxLength: 4 }), fc.nat({ max: 200 }), (clips, from) => {
        const [one, two] = [compiled(clips, windowAt(from, 25)), compiled(clips, windowAt(from, 25))];
        expect(two.filterGraph).toBe(one.filterGraph);
        expect(two.inputs).toEqual(one.inputs);
      }),
      { numRuns: 30 },
    );
  });
});
