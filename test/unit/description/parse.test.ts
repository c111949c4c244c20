import { describe, expect, it } from 'vitest';
import {
  descriptionJsonSchema,
  parseDescription,
  parsePinnedDescription,
} from '../../../src/description/parse.ts';
import { limits } from '../../../src/description/schema.ts';
import { SegueError } from '../../../src/ops/errors.ts';

const clip = { start: 0, length: 5, asset: { type: 'color', color: '#102030' } };
const timeline = {
  segue: 1,
  kind: 'timeline',
  size: { width: 640, height: 360 },
  fps: 25,
  duration: 5,
  tracks: [{ clips: [clip] }],
};
const module = { ...timeline, kind: 'module', module: 'orbits', tracks: undefined };
const { tracks: _, ...moduleDescription } = module;

/** The timeline with one clip changed. */
const withClip = (change: object) => ({ ...timeline, tracks: [{ clips: [{ ...clip, ...change }] }] });
const withAsset = (asset: object) => withClip({ asset });
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });

function problemsOf(json: unknown): readonly string[] {
  try {
    parseDescription(json);
  } catch (error) {
    if (error instanceof SegueError && error.code === 'invalid_description') return error.problems;
    throw error;
  }
  return [];
}

const timelineFields = '$schema, segue, size, fps, duration, seed, subtitles, kind, background, tracks';
const srcHelp =
  'expected "file:folder/name.mp4" (relative, without ".."), "https://host/path" (without user or #fragment) or "sha256:" and 64 hex digits';
const at = 'tracks[0].clips[0]';

const table: [name: string, json: unknown, problems: string[]][] = [
  ['nothing', undefined, ['description: missing; expected an object']],
  ['null', null, ['description: expected an object, got null']],
  ['a list', [], ['description: expected an object, got an array of 0 items']],
  ['no kind', {}, ['kind: missing; expected one of "timeline", "module"']],
  ['another kind', { ...timeline, kind: 'film' }, ['kind: expected one of "timeline", "module", got "film"']],
  ['another version', { ...timeline, segue: 2 }, ['segue: expected 1, got 2']],
  [
    'an odd width',
    { ...timeline, size: { width: 641, height: 360 } },
    ['size.width: expected an even number of pixels, got 641'],
  ],
  [
    'a huge width',
    { ...timeline, size: { width: 4000, height: 360 } },
    ['size.width: expected at most 3840, got 4000'],
  ],
  ['a missing height', { ...timeline, size: { width: 640 } }, ['size.height: missing; expected a number']],
  ['an odd frame rate', { ...timeline, fps: 29.97 }, ['fps: expected one of 24, 25, 30, 50, 60, got 29.97']],
  ['a text for a number', { ...timeline, duration: '5' }, ['duration: expected a number, got "5"']],
  [
    'no time at all',
    { ...timeline, duration: 0.1, tracks: [] },
    ['duration: expected at least 0.2, got 0.1'],
  ],
  ['a fraction as seed', { ...timeline, seed: 1.5 }, ['seed: expected a whole number, got 1.5']],
  ['a negative seed', { ...timeline, seed: -1 }, ['seed: expected at least 0, got -1']],
  [
    'an unknown field',
    { ...timeline, colour: 1 },
    [`colour: unknown field; the fields here are ${timelineFields}`],
  ],
  [
    'a colour by name',
    { ...timeline, background: 'red' },
    ['background: expected a colour such as "#1a2b3c", got "red"'],
  ],
  [
    'a short colour',
    withAsset({ type: 'color', color: '#fff' }),
    [`${at}.asset.color: expected a colour such as "#1a2b3c", got "#fff"`],
  ],
  [
    'an empty track',
    { ...timeline, tracks: [{ clips: [] }] },
    ['tracks[0].clips: expected at least 1 item, got an array of 0 items'],
  ],
  [
    'an unknown asset',
    withAsset({ type: 'movie', src: 'file:a.mp4' }),
    [
      `${at}.asset.type: expected one of "color", "gradient", "pattern", "image", "video", "audio", "text", "timecode", "tone", "noise", "silence", got "movie"`,
    ],
  ],
  [
    'an unknown field of an asset',
    withAsset({ type: 'noise', loud: true }),
    [`${at}.asset.loud: unknown field; the fields here are type`],
  ],
  [
    'one colour for a gradient',
    withAsset({ type: 'gradient', colors: ['#000000'] }),
    [`${at}.asset.colors: expected at least 2 items, got an array of 1 item`],
  ],
  [
    'an unknown pattern',
    withAsset({ type: 'pattern', pattern: 'snow' }),
    [
      `${at}.asset.pattern: expected one of "bars", "testcard", "plasma", "waves", "life", "mandelbrot", "static", "checker", got "snow"`,
    ],
  ],
  [
    'a path upwards',
    withAsset({ type: 'video', src: 'file:../a.mp4' }),
    [`${at}.asset.src: ${srcHelp}, got "file:../a.mp4"`],
  ],
  [
    'an absolute path',
    withAsset({ type: 'image', src: 'file:/etc/passwd' }),
    [`${at}.asset.src: ${srcHelp}, got "file:/etc/passwd"`],
  ],
  [
    'another scheme',
    withAsset({ type: 'audio', src: 'concat:a|b' }),
    [`${at}.asset.src: ${srcHelp}, got "concat:a|b"`],
  ],
  [
    'a URL with a password',
    withAsset({ type: 'image', src: 'https://a:b@h/x.png' }),
    [`${at}.asset.src: ${srcHelp}, got "https://a:b@h/x.png"`],
  ],
  [
    'a hash in capitals',
    withAsset({ type: 'image', src: `sha256:${'A'.repeat(64)}` }),
    [`${at}.asset.src: ${srcHelp}, got "sha256:${'A'.repeat(49)}..."`],
  ],
  [
    'a NUL in a text',
    withAsset({ type: 'text', text: 'a\u0000b' }),
    [`${at}.asset.text: expected text without control characters (a new line is fine), got "a\\u0000b"`],
  ],
  [
    'half a surrogate pair',
    withAsset({ type: 'text', text: '\ud800' }),
    [`${at}.asset.text: expected text without control characters (a new line is fine), got "\\ud800"`],
  ],
  [
    'a long text',
    withAsset({ type: 'text', text: 'x'.repeat(2001) }),
    [`${at}.asset.text: expected at most 2000 characters, got "${'x'.repeat(56)}..."`],
  ],
  ['an opacity above 1', withClip({ opacity: 1.5 }), [`${at}.opacity: expected at most 1, got 1.5`]],
  ['a length of 0', withClip({ length: 0 }), [`${at}.length: expected more than 0, got 0`]],
  [
    'a clip past the end',
    withClip({ start: 5, length: 1 }),
    [`${at}.start: the clip starts at 5 s, but the video ends at 5 s; start it earlier or raise duration`],
  ],
  [
    'a clip that is too long',
    withClip({ start: 2, length: 4 }),
    [`${at}.length: the clip ends at 6 s, but the video ends at 5 s; shorten it to 3 s or raise duration`],
  ],
  [
    'a transition longer than its clip',
    withClip({ length: 1, in: { type: 'fade', duration: 2 } }),
    [
      `${at}.in.duration: the transition lasts 2 s, but the clip lasts 1 s; shorten the transition or lengthen the clip`,
    ],
  ],
  [
    'transitions that meet',
    withClip({ length: 1, in: { type: 'fade', duration: 0.6 }, out: { type: 'slide-up', duration: 0.6 } }),
    [`${at}.out.duration: in and out together last 1.2 s, but the clip lasts 1 s; shorten one of them`],
  ],
  [
    'fades that meet',
    withClip({ length: 1, fadeIn: 0.8, fadeOut: 0.4 }),
    [`${at}.fadeOut: the sound fades for 1.2 s, but the clip lasts 1 s; shorten the fades`],
  ],
  [
    'a transition of a sound',
    withClip({ asset: { type: 'tone' }, in: { type: 'fade', duration: 1 } }),
    [`${at}.in: "tone" has no picture to fade or move; use fadeIn`],
  ],
  [
    'an unknown transition',
    withClip({ in: { type: 'wipe', duration: 1 } }),
    [
      `${at}.in.type: expected one of "fade", "slide-left", "slide-right", "slide-up", "slide-down", got "wipe"`,
    ],
  ],
  [
    'too many clips at once',
    { ...timeline, tracks: [{ clips: Array.from({ length: limits.clipsAtOnce + 1 }, () => clip) }] },
    ['tracks: 33 clips are on at 0 s, the most is 32; let fewer overlap'],
  ],
  [
    'too many clips',
    {
      ...timeline,
      duration: 60,
      tracks: Array.from({ length: 2 }, () => ({
        clips: Array.from({ length: 501 }, (_, n) => ({ ...clip, start: n / 10, length: 0.1 })),
      })),
    },
    ['tracks: 1002 clips, the most is 1000; make fewer, or two videos'],
  ],
  [
    'too many files',
    {
      ...timeline,
      duration: 60,
      tracks: [
        {
          clips: Array.from({ length: 101 }, (_, n) => ({
            start: n / 10,
            length: 0.1,
            asset: { type: 'image', src: `file:${n}.png` },
          })),
        },
      ],
    },
    ['tracks: 101 different files, the most is 100; use fewer'],
  ],
  [
    'a module name with a path',
    { ...moduleDescription, module: '../x' },
    ['module: expected the name of a module: a-z, 0-9 and "-", got "../x"'],
  ],
  [
    'a module with tracks',
    { ...moduleDescription, tracks: [] },
    [
      'tracks: unknown field; the fields here are $schema, segue, size, fps, duration, seed, subtitles, kind, module, params, moduleSha256',
    ],
  ],
  [
    'deep params',
    { ...moduleDescription, params: nested(17) },
    ['params: nested deeper than 16 levels; flatten it'],
  ],
  [
    'large params',
    { ...moduleDescription, params: { a: 'x'.repeat(20_000) } },
    ['params: above 16384 bytes; put large data into the module'],
  ],
  [
    'a prototype in params',
    { ...moduleDescription, params: JSON.parse('{"a":{"__proto__":1}}') as unknown },
    ['params: no key may be called __proto__; rename it'],
  ],
];

describe('parseDescription refuses', () => {
  it.each(table)('%s', (_name, json, problems) => {
    expect(problemsOf(json)).toEqual(problems);
  });

  it('everything wrong at once, with every problem', () => {
    const json = {
      ...timeline,
      fps: 1,
      seed: 'x',
      tracks: [
        {
          clips: [
            { ...clip, start: 9, asset: {} },
            { ...clip, volume: 5 },
          ],
        },
      ],
    };
    expect(problemsOf(json).map((problem) => problem.split(':')[0])).toEqual([
      'fps',
      'seed',
      'tracks[0].clips[0].asset.type',
      'tracks[0].clips[1].volume',
      'tracks[0].clips[0].start',
    ]);
  });

  it('a flood of problems with a bounded answer', () => {
    const wrong = {
      ...timeline,
      tracks: [{ clips: Array.from({ length: 900 }, () => ({ ...clip, opacity: 2 })) }],
    };
    const problems = problemsOf(wrong);
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toBe('description: 801 more problems; mend these first');
  });

  it('params too deep for a recursive walk', () => {
    let params: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) params = [params];
    expect(problemsOf({ ...moduleDescription, params: { params } })).toEqual([
      'params: nested deeper than 16 levels; flatten it',
    ]);
  });
});

describe('parseDescription accepts', () => {
  it('the least, and fills in every default', () => {
    const parsed = parseDescription(withAsset({ type: 'color', color: '#ABCDEF' }));
    expect(parsed).toMatchObject({
      seed: 0,
      background: '#000000',
      tracks: [
        {
          clips: [
            {
              start: 0,
              asset: { color: '#abcdef' },
              position: { x: 0.5, y: 0.5 },
              scale: 1,
              fit: 'contain',
              opacity: 1,
              volume: 1,
              fadeIn: 0,
              fadeOut: 0,
            },
          ],
        },
      ],
    });
  });

  it('a clip that touches the end but for rounding', () => {
    expect(problemsOf({ ...withClip({ start: 1 / 3, length: 5 - 1 / 3 }) })).toEqual([]);
  });

  it.each([
    'file:a.mp4',
    'file:a/b c.mp4',
    'file:.x/a..b',
    'http://h:8080/x?y=%20',
    'https://h',
    `sha256:${'0'.repeat(64)}`,
  ])('the source %s', (src) => {
    expect(problemsOf(withAsset({ type: 'video', src }))).toEqual([]);
  });
});

describe('parsePinnedDescription', () => {
  it('takes back what was pinned', () => {
    const pinned = parseDescription(withAsset({ type: 'video', src: `sha256:${'0'.repeat(64)}` }));
    expect(parsePinnedDescription(JSON.parse(JSON.stringify(pinned)))).toEqual(pinned);
  });

  it.each([
    ['an open source', withAsset({ type: 'video', src: 'file:a.mp4' })],
    ['half a frame', withClip({ length: 1.01 })],
    ['an unbound module', moduleDescription],
  ])('refuses %s', (_name, json) => {
    expect(() => parsePinnedDescription(json)).toThrow(
      'not pinned; only an accepted description can be rendered',
    );
  });
});

describe('descriptionJsonSchema', () => {
  it('names every field and asks only for what has no default', () => {
    const schema = descriptionJsonSchema() as {
      $schema: string;
      oneOf: { required: string[]; properties: object; additionalProperties: boolean }[];
    };
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    const [first] = schema.oneOf;
    expect(first?.required).toEqual(['segue', 'size', 'fps', 'duration', 'kind', 'tracks']);
    expect(Object.keys(first?.properties ?? {}).join(', ')).toBe(timelineFields);
    expect(first?.additionalProperties).toBe(false);
  });
});
