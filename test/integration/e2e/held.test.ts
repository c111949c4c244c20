import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { frameBoundary, gridOf, segmentCount } from '../../../src/grid/grid.ts';
import { smallDescription, startField } from '../../faults/kit.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import { get } from './http.ts';
import { see } from './watch.ts';

test('a segment far ahead is held with empty boxes, then comes, and plays', async () => {
  // So short a silence that no machine makes a segment within it.
  await using field = await startField({ env: { SEGUE_HOLD_SILENT_SECONDS: '0.1' } });
  // What is copied would be answered with a redirect.
  await field.proxy.fail({ kind: 'refuse' });
  const path = (rest: string): string => `${field.stack.url}/v/${far.id}/${rest}`;
  const length = 300;
  const far = await field.post({ ...smallDescription(length, 9), size: { width: 640, height: 360 } });
  const grid = gridOf({ num: 25, den: 1 }, length * 25);
  const n = segmentCount(grid) - 3;
  const held = await get(path(`360p/${n}.m4s`));
  expect(held.status).toBe(200);
  expect(held.headers).toMatchObject({
    'cache-control': 'no-store',
    'x-segue-source': 'held',
    'content-type': 'video/mp4',
  });
  expect(held.body.subarray(4, 8).toString()).toBe('free');
  const init = (await get(path('360p/init.mp4'))).body;
  await using folder = await temporaryFolder();
  const source = `${folder.path}/held.mp4`;
  await writeFile(source, Buffer.concat([init, held.body]));
  const { frames, complaints } = await see({ source, size: { width: 640, height: 360 } });
  expect(complaints).toEqual([]);
  expect(frames).toHaveLength(frameBoundary(grid, n + 1) - frameBoundary(grid, n));
  // On a busy machine also a finished segment may come too late to be answered without boxes.
  const again = await until(
    async () => {
      const answer = await get(path(`360p/${n}.m4s`));
      return answer.headers['x-segue-source'] === 'held' ? undefined : answer;
    },
    { what: 'the finished segment is answered at once', timeout: 60_000 },
  );
  expect(held.body.subarray(held.body.length - again.body.length).equals(again.body)).toBe(true);
  expect(again.headers['cache-control']).toBe('public, max-age=31536000, immutable');
}, 240_000);
