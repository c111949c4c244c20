import { describe, expect, test } from 'vitest';
import { demandRecorder } from '../../../playlists/demand.ts';
import type { NewDemand, NewView } from '../../../src/catalog/demand.ts';
import { gridOf, segmentCount } from '../../../src/grid/grid.ts';
import { profileNamed, type Rendition, renditionsOf } from '../../../src/render/profile.ts';

const frameRate = { num: 25, den: 1 };
const profile = profileNamed('default');
if (profile === undefined) throw new Error('no profile');
const renditions = renditionsOf({ width: 320, height: 180, frameRate }, profile);
const grid = gridOf(frameRate, 25 * 96);
const facts = { videoId: 'v', grid, duration: 96, renditions };
const all = segmentCount(grid);
const one = (kind: Rendition['kind']): Rendition => {
  const found = renditions.find((rendition) => rendition.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
};

/** A recorder with a clock that the test sets, and what it has written. */
function recorder() {
  const state = { now: 1_000_000, fails: false };
  const seen: NewDemand[] = [];
  const views: NewView[] = [];
  const catalog = {
    addDemand(newest: readonly NewDemand[], pieces: readonly NewView[]) {
      if (state.fails) return Promise.reject(new Error('no database'));
      seen.push(...newest);
      views.push(...pieces);
      return Promise.resolve();
    },
  };
  const made = demandRecorder(catalog, () => state.now);
  return { ...made, state, seen, views };
}

describe('demand', () => {
  test('of a session is a view, its viewer once, and what it watches', async () => {
    const record = recorder();
    record.began(facts, 'anna', 0);
    for (let n = 0; n < all; n += 1) {
      record.watched(facts, 'anna', one('video'), n);
      record.watched(facts, 'anna', one('audio'), n);
    }
    record.began(facts, 'anna', 0);
    record.began(facts, 'ben', 0);
    await record.flush();
    const [sum] = record.seen;
    expect(sum).toMatchObject({ videoId: 'v', views: 3, viewers: 2 });
    expect(sum?.minutesWatched).toBeCloseTo(1.6);
    for (const part of sum?.reach ?? []) expect(part).toBeCloseTo(1);
    expect(record.views, 'it may still go on').toEqual([]);
    record.state.now += 60_000;
    await record.flush();
    expect(record.views).toEqual([{ videoId: 'v', viewer: 'anna', at: 1_000_000, from: 0, to: 96 }]);
    await record.flush();
    expect(record.seen).toHaveLength(1);
  });

  test('of what a playlist lists in the bucket counts as watched', async () => {
    const record = recorder();
    record.began(facts, 'anna', all);
    await record.flush(true);
    expect(record.seen[0]?.minutesWatched).toBeCloseTo(1.6);
    expect(record.views).toMatchObject([{ from: 0, to: 96 }]);
  });

  test('is the same however often a segment is asked for; a seek begins another piece', async () => {
    const record = recorder();
    record.began(facts, 'anna', 0);
    for (const n of [0, 0, 1, 1, 2, 20, 21, 21]) record.watched(facts, 'anna', one('video'), n);
    await record.flush(true);
    expect(record.seen[0]?.views).toBe(1);
    expect(record.views.map(({ from, to }) => [from, to])).toHaveLength(2);
    expect(record.seen[0]?.reach.reduce((sum, part) => sum + part, 0)).toBeLessThan(4);
  });

  test('is kept while it cannot be written, and added to', async () => {
    const record = recorder();
    record.state.fails = true;
    record.began(facts, 'anna', 0);
    await expect(record.flush()).rejects.toThrow('no database');
    record.began(facts, 'ben', 0);
    record.state.fails = false;
    await record.flush();
    expect(record.seen).toMatchObject([{ views: 2, viewers: 2 }]);
  });

  test('takes no more memory than its bounds, however many videos are asked for', async () => {
    const record = recorder();
    for (let n = 0; n < 30_000; n += 1) record.began({ ...facts, videoId: `v${n}` }, 'anna', 0);
    await record.flush();
    expect(record.seen).toHaveLength(10_000);
  });
});
