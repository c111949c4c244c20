import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** A module of the operators' page: plain JavaScript, whose types are said here. */
const load = async <T>(name: string): Promise<T> =>
  (await import(new URL(`../../../playlists/pages/admin/${name}`, import.meta.url).href)) as T;

const { linesOf, placeProblem, JsonFault } = await load<{
  linesOf: (text: string) => Map<string, number>;
  placeProblem: (
    problem: string,
    lines: Map<string, number>,
  ) => { path: string; message: string; line: number };
  JsonFault: new () => Error;
}>('json-lines.js');

describe('problems at their lines', () => {
  const text = JSON.stringify(
    { trouble: { diskUsed: 3 }, rules: [{ name: 'a' }, { 'odd name': 'b"\\' }] },
    null,
    2,
  );

  test('each value has a line, by the path that the service would name it by', () => {
    const lines = linesOf(text);
    const lineOf = (part: string): number => text.split('\n').findIndex((line) => line.includes(part));
    expect(lines.get('')).toBe(0);
    expect(lines.get('trouble.diskUsed')).toBe(lineOf('diskUsed'));
    expect(lines.get('rules[0].name')).toBe(lineOf('"a"'));
    expect(lines.get('rules[1]["odd name"]')).toBe(lineOf('odd name'));
  });

  test.each([
    ['trouble.diskUsed: too big', 'diskUsed', 'too big'],
    ['rules.0.name: two: are the same', '"a"', 'two: are the same'],
    ['rules[1].copy.when[0]: missing', '    {\n      "odd', 'missing'],
    ['replica: unknown field', '{', 'unknown field'],
    ['policy: neither nor', '{', 'neither nor'],
    ['what has no path', '{', 'what has no path'],
  ])('%s', (problem, near, message) => {
    const before = text.slice(0, text.indexOf(near));
    expect(placeProblem(problem, linesOf(text))).toMatchObject({
      line: before.split('\n').length - 1,
      message,
    });
  });

  test('what JSON.parse takes is taken, what it refuses is refused with a line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 3 }), (value, indent) => {
        linesOf(JSON.stringify(value, null, indent));
      }),
    );
    const wrong = [
      '',
      '{',
      '{"a" 1}',
      '{"a": 1,}',
      '[1 2]',
      '{a: 1}',
      '"a\nb"',
      '{"a": tru}',
      '01',
      '1.',
      '[1] 2',
      '"\\x"',
      'nulll',
    ];
    for (const each of wrong) {
      expect(() => JSON.parse(each) as unknown, each).toThrow();
      expect(() => linesOf(each), each).toThrow(JsonFault);
    }
    expect(() => linesOf('{\n  "a": 1\n  "b": 2\n}')).toThrow(
      expect.objectContaining({ line: 2, message: expect.stringContaining('comma') as string }) as Error,
    );
  });
});

describe('differences', async () => {
  const { diffLines, around } = await load<{
    diffLines: (before: string, after: string) => { kind: string; text: string }[];
    around: (lines: { kind: string; text: string }[], context: number) => ({ text: string } | undefined)[];
  }>('diff.js');

  test('lines that were removed, added, and left alone make up both texts, and no more differs than must', () => {
    const document = fc
      .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 })
      .map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(document, document, (before, after) => {
        const lines = diffLines(before, after);
        const of = (other: string): string =>
          lines.flatMap(({ kind, text }) => (kind === 'same' || kind === other ? [text] : [])).join('\n');
        expect(of('removed')).toBe(before);
        expect(of('added')).toBe(after);
        if (before === after) expect(lines.every(({ kind }) => kind === 'same')).toBe(true);
      }),
    );
    const changed = diffLines('a\nb\nc\nd', 'a\nx\nc\nd\ne').filter(({ kind }) => kind !== 'same');
    expect(changed.map(({ kind, text }) => `${kind} ${text}`)).toEqual(['removed b', 'added x', 'added e']);
  });

  test('only what is near a change is shown', () => {
    const text = Array.from({ length: 30 }, (_, n) => `line ${n}`);
    const lines = diffLines(text.join('\n'), text.with(10, 'changed').join('\n'));
    expect(around(lines, 1).map((line) => line?.text)).toEqual([
      undefined,
      'line 9',
      'line 10',
      'changed',
      'line 11',
      undefined,
    ]);
    expect(around(diffLines('a', 'a'), 2)).toEqual([]);
  });
});

describe('what is shown', async () => {
  const { gradient, words, placeOf } = await load<{
    gradient: (runs: [number, string][], segments: number) => string;
    words: (row: object) => string;
    placeOf: (n: number, segments: number) => number;
  }>('strip.js');
  const format = await load<Record<string, (value: number) => string>>('format.js');
  const { sparkline, bucketPart } = await load<{
    sparkline: (values: (number | null)[]) => string;
    bucketPart: (answers: object) => number | null;
  }>('tiles.js');

  test('a strip is a gradient with hard stops, and a sentence', () => {
    const strip: [number, string][] = [
      [5, 'bucket'],
      [6, 'node'],
      [10, 'absent'],
    ];
    expect(gradient(strip, 10)).toBe(
      'linear-gradient(90deg, var(--bucket) 0.00% 50.00%, var(--node) 50.00% 60.00%, transparent 60.00% 100.00%)',
    );
    expect(words({ strip, segments: 10 })).toBe(
      'of 10 segments 5 in the bucket, 1 on one node only, 4 not made',
    );
    expect(words({ strip: [], segments: 0 })).toBe('no segments yet');
    expect(placeOf(9, 10)).toBe(95);
    expect(placeOf(0, 0)).toBeLessThanOrEqual(100);
  });

  test.each([
    ['seconds', 0, '0 s'],
    ['seconds', 3.84, '3.8 s'],
    ['seconds', 59.7, '1 min'],
    ['seconds', 245, '4 min 5 s'],
    ['seconds', 3599.9, '1 h'],
    ['seconds', 11_400, '3 h 10 min'],
    ['seconds', 187_000, '2 d 4 h'],
    ['clock', 3723, '1:02:03'],
    ['clock', 123, '2:03'],
    ['bytes', 999, '999 B'],
    ['bytes', 999_900, '1.0 MB'],
    ['bytes', 8_090_000_000, '8.1 GB'],
    ['percent', 0.625, '63 %'],
    ['percent', Number.NaN, '–'],
    ['short', 0.4212, '0.42'],
    ['short', 123_456, '123k'],
  ])('%s of %d is %s', (name, value, text) => {
    expect(format[name]?.(value)).toBe(text);
  });

  test('a sparkline leaves out what is not known', () => {
    expect(sparkline([null, 1])).toBe('');
    expect(sparkline([0, null, 10])).toBe('M0.0 22.0L100.0 2.0');
    expect(sparkline([0, 0])).toBe('M0.0 22.0L100.0 22.0');
    expect(bucketPart({ bucketAnswers: 3, nodeAnswers: 1, heldAnswers: 0 })).toBe(0.75);
    expect(bucketPart({ bucketAnswers: 0, nodeAnswers: 0, heldAnswers: 0 })).toBeNull();
  });
});

describe('what is known', async () => {
  const { Model, mostVideos } = await load<{
    Model: new () => {
      size: number;
      putVideos(rows: object[], askedAt?: number): void;
      hearVideos(rows: object[]): void;
      putHeads(heads: object): void;
      keepVideos(ids: Set<string>): void;
      listed(filter: string, text: string, order: string): { id: string }[];
      totals(): { counts: Record<string, number>; exposureSeconds: number };
    };
    mostVideos: number;
  }>('model.js');
  const row = (n: number, changed: object = {}) => ({
    id: `v${n}`,
    renderId: `r${n}`,
    type: 'video',
    name: null,
    state: 'stored',
    createdAt: new Date(1_700_000_000_000 + n * 1000).toISOString(),
    exposureSeconds: 0,
    ...changed,
  });
  const ids = (rows: { id: string }[]) => rows.map(({ id }) => id).join(' ');

  test('videos are listed newest first, whenever they are told of, and chosen by what they are', () => {
    const model = new Model();
    model.putVideos([row(2), row(1, { state: 'failed' })]);
    model.putVideos([
      row(3, { exposureSeconds: 5 }),
      row(4, { type: 'stream', name: 'Evening News', state: 'live' }),
    ]);
    model.putHeads({ r1: [3, 9], r2: [1] });
    const list = (filter = 'all', text = '', order = 'newest') => ids(model.listed(filter, text, order));
    expect(list()).toBe('v4 v3 v2 v1');
    expect(list('watched')).toBe('v2 v1');
    expect(list('failed')).toBe('v1');
    expect(list('all', 'news')).toBe('v4');
    expect(list('all', 'V3')).toBe('v3');
    expect(list('all', '', 'exposed')).toBe('v3 v4 v2 v1');
    expect(list('all', '', 'watched')).toBe('v1 v2 v4 v3');
    expect(model.totals()).toMatchObject({ exposureSeconds: 5, counts: { all: 4, watched: 2, exposed: 1 } });
    model.putHeads({ r1: [] });
    model.putVideos([row(3)]);
    model.keepVideos(new Set(['v3']));
    expect(list(), 'the other one is watched').toBe('v3 v2');
    const askedAt = performance.now() - 1;
    model.hearVideos([row(3, { state: 'failed' })]);
    model.putVideos([row(3), row(2, { state: 'failed' })], askedAt);
    expect(list('failed'), 'what was heard meanwhile is newer than the list').toBe('v3 v2');
  });

  test('of more than it can hold it keeps the newest, and those that are watched', () => {
    const model = new Model();
    model.putHeads({ r0: [1] });
    model.putVideos(Array.from({ length: mostVideos + 5 }, (_, n) => row(n)));
    const rows = model.listed('all', '', 'newest');
    expect(rows.at(-1)?.id).toBe('v0');
    expect(rows.length).toBe(mostVideos + 1);
    expect(model.size).toBe(mostVideos + 1);
  });
});

test('events that are alike and close together are one line', async () => {
  const { grouped } = await load<{ grouped: (events: object[]) => { id: number }[][] }>('events.js');
  const event = (
    id: number,
    seconds: number,
    kind = 'takeover',
    level = 'warning',
    videoId: string | null = 'v',
  ) => ({
    id,
    at: new Date(1_700_000_000_000 - seconds * 1000).toISOString(),
    kind,
    level,
    nodeId: 'a',
    videoId,
  });
  const groups = grouped([
    event(9, 0),
    event(8, 1),
    event(7, 2),
    event(6, 60),
    event(5, 61, 'stored', 'info'),
    event(4, 200, 'stored', 'info'),
    event(3, 201, 'node-dead', 'error', null),
    event(2, 201, 'node-dead', 'error', null),
  ]);
  expect(groups.map((group) => group.map(({ id }) => id).join(' '))).toEqual(['9 8 7', '6', '5 4', '3', '2']);
});

test('server-sent events are put together however they come apart', async () => {
  const { eventParser } = await load<{
    eventParser: () => { push(text: string): { event: string; data: string }[] };
  }>('api.js');
  const text = 'event: nodes\ndata: [1]\n\n: nothing new\n\nevent: log\r\ndata: a\r\ndata: b\r\n\r\n';
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 8 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      const parser = eventParser();
      const events = at.slice(1).flatMap((to, index) => parser.push(text.slice(at[index], to)));
      expect(events).toEqual([
        { event: 'nodes', data: '[1]' },
        { event: 'log', data: 'a\nb' },
      ]);
    }),
  );
});
