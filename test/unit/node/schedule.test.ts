import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rangesOf } from '../../../src/catalog/ranges.ts';
import { encoderToMove, nextWork, type RenderDemand, type Running } from '../../../src/node/schedule.ts';

const demand = (extra: Partial<RenderDemand> = {}): RenderDemand => ({
  renderId: 'r',
  count: 16,
  present: [],
  wanted: new Map(),
  wantedStills: new Map(),
  making: new Set(),
  resting: new Map(),
  playhead: 0,
  watched: true,
  aheadLimit: extra.watched === false ? 8 : Number.POSITIVE_INFINITY,
  presentEager: extra.present ?? [],
  ...extra,
});

const next = (demands: readonly RenderDemand[], now: number, makingFirst = false, makingStills = false) =>
  nextWork(demands, now, { makingFirst, makingStills });

describe('the next segment', () => {
  test('is what somebody waits for, longest wait first, whatever else is missing', () => {
    const wanted = new Map([
      [9, 200],
      [4, 100],
    ]);
    expect(next([demand({ wanted })], 300)).toEqual({ renderId: 'r', n: 4, wanted: true });
    expect(next([demand({ wanted, making: new Set([4]) })], 300, true)).toMatchObject({
      n: 9,
      wanted: true,
    });
  });

  test('is otherwise the next one missing from the playhead on, in play order', () => {
    expect(next([demand({ present: [[0, 3]] })], 0)).toMatchObject({ n: 3, wanted: false });
    expect(next([demand({ playhead: 5, present: [[5, 7]] })], 0)).toMatchObject({ n: 7 });
  });

  test('goes back to what a seek skipped once the end is reached, while somebody plays', () => {
    const skipped = demand({ playhead: 12, present: [[12, 16]] });
    expect(next([skipped], 0)).toMatchObject({ n: 0 });
    expect(next([{ ...skipped, watched: false }], 0)).toBeUndefined();
  });

  test('is what a seek skipped only of renditions that every viewer gets', () => {
    const asked = demand({ playhead: 12, present: [[14, 16]], presentEager: [[0, 16]] });
    expect(next([asked], 0)).toMatchObject({ n: 12 });
    expect(next([{ ...asked, present: [[12, 16]] }], 0)).toBeUndefined();
  });

  test('is not further ahead than the limit', () => {
    const ahead = demand({ watched: false, present: [[0, 8]] });
    expect(next([ahead], 0)).toBeUndefined();
    expect(next([{ ...ahead, watched: true }], 0)).toBeUndefined();
    expect(next([{ ...ahead, aheadLimit: 9 }], 0)).toMatchObject({ n: 8 });
  });

  test('is a still only where nobody waits for a segment, and one at a time', () => {
    const stills = demand({ renderId: 'seekbar', wantedStills: new Map([[7, 0]]), present: [[0, 16]] });
    const played = demand({ renderId: 'played', wanted: new Map([[3, 100]]) });
    expect(next([stills, played], 200)).toEqual({ renderId: 'played', n: 3, wanted: true });
    expect(next([stills], 200)).toEqual({ renderId: 'seekbar', n: 7, wanted: true, stills: true });
    expect(next([stills], 200, false, true)).toBeUndefined();
    expect(next([stills, demand()], 200, false, true)).toMatchObject({ n: 0, wanted: false });
  });

  test('is nothing speculative beside a first one that somebody waits for', () => {
    expect(next([demand({ making: new Set([0]) })], 0, true)).toBeUndefined();
    expect(next([demand({ making: new Set([0]) })], 0)).toMatchObject({ n: 1 });
  });

  test('is not one that failed a moment ago', () => {
    const resting = demand({ resting: new Map([[0, 500]]), wanted: new Map([[0, 0]]) });
    expect(next([resting], 400)).toMatchObject({ n: 1 });
    expect(next([resting], 501)).toMatchObject({ n: 0, wanted: true });
  });

  test('prefers a watched render to one that nobody watches', () => {
    const renders = [demand({ renderId: 'idle', watched: false }), demand({ renderId: 'watched' })];
    expect(next(renders, 0)).toMatchObject({ renderId: 'watched' });
  });

  test('always leads to a complete render while somebody plays, each segment once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat({ max: 39 }), { maxLength: 10 }),
        fc.nat({ max: 39 }),
        (count, wanted, playhead) => {
          const made: number[] = [];
          const waiting = new Map(wanted.filter((n) => n < count).map((n, index) => [n, index]));
          for (let guard = 0; guard <= count; guard += 1) {
            const state = demand({
              count,
              wanted: waiting,
              playhead: Math.min(playhead, count - 1),
              present: rangesOf(made),
            });
            const work = next([state], 1000);
            if (work === undefined) break;
            made.push(work.n);
            waiting.delete(work.n);
          }
          expect([...made].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
        },
      ),
    );
  });
});

describe('the encoder that gives way', () => {
  const running = (n: number, startedAt: number, wanted = false): Running => ({
    renderId: 'r',
    n,
    wanted,
    startedAt,
  });

  test('is the youngest speculative one that is less than half done', () => {
    expect(encoderToMove([running(1, 0), running(2, 600)], 900, 1000)).toMatchObject({ n: 2 });
  });
  test('is none where the youngest is more than half done, or awaited', () => {
    expect(encoderToMove([running(1, 0), running(2, 300)], 900, 1000)).toBeUndefined();
    expect(encoderToMove([running(1, 800, true)], 900, 1000)).toBeUndefined();
    expect(encoderToMove([], 900, 1000)).toBeUndefined();
  });
});
