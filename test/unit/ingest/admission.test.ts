import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Admitted, admit, type Cursor, listed, resumed, start } from '../../../src/ingest/admission.ts';
import { type Part, partName, type SourceMedia, type SourceSegment } from '../../../src/ingest/playlist.ts';
import { namesOf, newRendition } from '../../../src/ingest/rendition.ts';

/** A source as a node sees it: what it has uploaded, and what is listed of it. */
function source() {
  const uploads = new Map<string, number>();
  const rows: (Admitted & { crc32: number })[] = [];
  let cursor: Cursor = start;
  const take = (list: SourceMedia, giveUp = false) => {
    const atHand = {
      upload: (name: string) => {
        const crc32 = uploads.get(name);
        return crc32 === undefined ? undefined : { crc32 };
      },
      has: (part: Part) => uploads.has(partName(part)),
      side: () => true,
    };
    const plan = admit(list, cursor, atHand, giveUp);
    for (const each of plan.admitted) {
      const uri = partName(each.segment.part);
      const crc32 = uploads.get(uri);
      if (crc32 === undefined) break;
      rows.push({ ...each, crc32 });
      cursor = listed(cursor, { sequence: each.segment.sequence, uri, crc32 });
      uploads.delete(uri);
    }
    return plan;
  };
  return {
    rows,
    upload: (name: string, crc32: number) => uploads.set(name, crc32),
    take,
    restart: () => {
      uploads.clear();
      cursor = resumed(
        rows.map(({ n, segment, crc32 }) => ({
          n,
          source: { sequence: segment.sequence, uri: partName(segment.part), crc32 },
        })),
      );
    },
    names: () => rows.map(({ segment, discontinuity }) => `${discontinuity ? '!' : ''}${segment.part.path}`),
  };
}

const segment = (sequence: number, path: string, more: Partial<SourceSegment> = {}): SourceSegment => ({
  sequence,
  part: { path, range: undefined },
  durationUs: 2_000_000,
  discontinuity: false,
  map: undefined,
  mapKey: undefined,
  key: undefined,
  programDateTime: null,
  gap: false,
  ...more,
});
const list = (first: number, names: readonly string[], ended = false): SourceMedia => ({
  type: 'media',
  targetDuration: 2,
  segments: names.map((name, index) => segment(first + index, name)),
  ended,
  iFramesOnly: false,
});

describe('segments are listed', () => {
  test('once line and bytes are there, in either order', () => {
    const s = source();
    expect(s.take(list(0, ['a', 'b']))).toMatchObject({ admitted: [], missing: ['a', 'b'] });
    s.upload('b', 2);
    expect(s.take(list(0, ['a', 'b']))).toMatchObject({ missing: ['a'], overtaken: true });
    s.upload('a', 1);
    s.take(list(0, ['a', 'b']));
    expect(s.names()).toEqual(['a', 'b']);
    s.upload('c', 3);
    expect(s.take(list(1, ['b', 'c'], true))).toMatchObject({ ended: true });
    expect(s.names()).toEqual(['a', 'b', 'c']);
    expect(s.rows.map(({ n }) => n)).toEqual([0, 1, 2]);
  });

  test('after a discontinuity where the window has left some behind that never came', () => {
    const s = source();
    for (const [index, name] of ['a', 'd', 'e'].entries()) s.upload(name, index);
    s.take(list(0, ['a', 'b']));
    s.take(list(3, ['d', 'e']));
    expect(s.names()).toEqual(['a', '!d', 'e']);
  });

  test('without those that are given up', () => {
    const s = source();
    for (const [index, name] of ['a', 'c'].entries()) s.upload(name, index);
    s.take(list(0, ['a', 'b', 'c', 'd']));
    expect(s.take(list(0, ['a', 'b', 'c', 'd']), true)).toMatchObject({ skipped: 1, missing: ['d'] });
    expect(s.names()).toEqual(['a', '!c']);
    expect(s.take(list(0, ['a', 'b', 'c', 'd'], true), true)).toMatchObject({ ended: true });
  });

  test('without a discontinuity before the first, whatever the source says', () => {
    const s = source();
    s.upload('a', 1);
    s.take({ ...list(9, []), segments: [segment(9, 'a', { discontinuity: true })] });
    expect(s.names()).toEqual(['a']);
  });
});

describe('a source that starts again', () => {
  test('with the same names and other bytes goes on after a discontinuity', () => {
    const s = source();
    for (const [index, name] of ['0', '1', '2'].entries()) s.upload(name, index);
    s.take(list(0, ['0', '1', '2']));
    s.take(list(0, ['0']));
    expect(s.names(), 'the list alone says nothing new').toEqual(['0', '1', '2']);
    s.upload('0', 10);
    s.take(list(0, ['0']));
    s.upload('1', 11);
    s.take(list(0, ['0', '1']));
    expect(s.names()).toEqual(['0', '1', '2', '!0', '1']);
  });

  test('with a longer list than before is still seen by its bytes', () => {
    const s = source();
    for (const name of ['0', '1']) s.upload(name, 1);
    s.take(list(0, ['0', '1']));
    for (const name of ['0', '1', '2']) s.upload(name, 2);
    s.take(list(0, ['0', '1', '2']));
    expect(s.names()).toEqual(['0', '1', '!0', '1', '2']);
  });

  test('with the same bytes lists nothing twice', () => {
    const s = source();
    for (const name of ['0', '1']) s.upload(name, 1);
    s.take(list(0, ['0', '1']));
    for (const name of ['0', '1', '2']) s.upload(name, 1);
    s.take(list(0, ['0']));
    s.take(list(0, ['0', '1', '2']));
    expect(s.names()).toEqual(['0', '1', '2']);
  });

  test('with other names, or with a number far ahead, goes on after a discontinuity', () => {
    const s = source();
    for (const name of ['a', 'x', 'z']) s.upload(name, 1);
    s.take(list(5, ['a']));
    s.take(list(0, ['x']));
    s.take(list(900, ['z']));
    expect(s.names()).toEqual(['a', '!x', '!z']);
  });
});

test('an old list that comes late changes nothing', () => {
  const s = source();
  for (const [index, name] of ['a', 'b', 'c'].entries()) s.upload(name, index);
  s.take(list(0, ['a', 'b', 'c']));
  expect(s.take(list(0, ['a', 'b']))).toMatchObject({ admitted: [], missing: [] });
});

test('a node that starts again goes on where the rows end', () => {
  const s = source();
  for (const [index, name] of ['a', 'b'].entries()) s.upload(name, index);
  s.take(list(0, ['a', 'b', 'c']));
  s.restart();
  expect(s.take(list(0, ['a', 'b', 'c']))).toMatchObject({ missing: ['c'] });
  s.upload('c', 2);
  s.take(list(1, ['b', 'c']));
  expect(s.names()).toEqual(['a', 'b', 'c']);
});

test('whatever is uploaded, listed, repeated, forgotten and restarted: the list only grows, its numbers have no gap', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant('upload' as const), name, fc.nat(3)) },
    {
      weight: 4,
      arbitrary: fc.tuple(
        fc.constant('list' as const),
        fc.nat(6),
        fc.array(fc.tuple(name, fc.boolean(), fc.boolean()), { maxLength: 6 }),
        fc.boolean(),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant('restart' as const)) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const s = source();
      for (const each of events) {
        const before = [...s.rows];
        if (each[0] === 'upload') s.upload(each[1], each[2]);
        else if (each[0] === 'restart') s.restart();
        else {
          const segments = each[2].map(([path, discontinuity, gap], index) =>
            segment(each[1] + index, path, { discontinuity, gap: gap && discontinuity }),
          );
          s.take({ ...list(0, []), segments }, each[3]);
        }
        expect(s.rows.slice(0, before.length)).toEqual(before);
        expect(s.rows.map(({ n }) => n)).toEqual([...s.rows.keys()]);
        expect(s.rows[0]?.discontinuity ?? false).toBe(false);
      }
    }),
    { numRuns: 2000 },
  );
});

describe('a list of more segments than are remembered', () => {
  const names = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) => `s${from + index}`);
  const long = () => {
    const s = source();
    for (const [index, name] of names(0, 5000).entries()) s.upload(name, index);
    s.take(list(0, names(0, 5000)));
    expect(s.rows).toHaveLength(5000);
    return s;
  };

  test('one that comes late lists nothing again, and asks for nothing', () => {
    const s = long();
    expect(s.take(list(0, names(0, 4990)))).toMatchObject({ admitted: [], missing: [] });
    s.restart();
    expect(s.take(list(0, names(0, 4990)))).toMatchObject({ admitted: [], missing: [] });
    expect(s.take(list(0, names(0, 5001)))).toMatchObject({ admitted: [], missing: ['s5000'] });
  });

  test('of a producer that writes its end again, what was written again is listed', () => {
    const s = long();
    s.upload('s4998', 77);
    s.upload('s4999', 78);
    expect(s.take(list(0, names(0, 5000))).admitted.map(({ segment: { part } }) => part.path)).toEqual([
      's4998',
      's4999',
    ]);
  });

  test('only what is still to come keeps its place among the uploads', () => {
    const known = new Map(
      names(904, 5000).map((uri, index) => [uri, { sequence: 904 + index, uri, crc32: 1 }]),
    );
    const cursor: Cursor = { next: 5000, last: known.get('s4999'), known };
    const rendition = {
      ...newRendition(0, 'out.m3u8'),
      cursor,
      playlist: list(0, names(0, 5002)),
    };
    expect(new Set(namesOf(rendition))).toEqual(new Set(['s5000', 's5001']));
  });
});
