import { expect, test } from 'vitest';
import { firstSegments } from '../../../playlists/first-segments.ts';

test('a video is measured once, from its post to its first copy anywhere', () => {
  let now = 1000;
  const seconds: number[] = [];
  const first = firstSegments(
    () => now,
    (value) => seconds.push(value),
  );
  first.accepted('a', 500);
  first.seen({ type: 'render', renderId: 'a', state: 'sealed' });
  first.seen({ type: 'copies', renderId: 'unknown', place: 'n', n: 0 });
  expect(seconds).toEqual([]);
  now = 2000;
  first.seen({ type: 'copies', renderId: 'a', place: 'n', n: 0 });
  first.seen({ type: 'copies', renderId: 'a', place: 'n', n: 1 });
  expect(seconds).toEqual([1.5]);
});

test('of more than a thousand videos the oldest are given up', () => {
  const seconds: number[] = [];
  const first = firstSegments(
    () => 0,
    (value) => seconds.push(value),
  );
  for (let n = 0; n < 1001; n += 1) first.accepted(`r${n}`, 0);
  for (const renderId of ['r0', 'r1', 'r1000']) first.seen({ type: 'copies', renderId, place: 'n', n: 0 });
  expect(seconds).toHaveLength(2);
});
