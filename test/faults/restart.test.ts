import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { temporaryFolder } from '../support/folder.ts';
import { expectWhole, onNodes, segmentsIn, smallDescription, startField, stored } from './kit.ts';

const seconds = 24;

/** Object names that were PUT, with how often. */
function puts(requests: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const request of requests) {
    const name = /^PUT .*?(renders\/.*)$/.exec(request)?.[1];
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Uploads of a node at once. */
const uploads = 3;

test('everything is killed and started again: nothing is lost, nothing is copied twice', async () => {
  await using folder = await temporaryFolder();
  await using first = await startField({ dataFolder: folder.path });
  const { id } = await first.post(smallDescription(seconds));
  await first.reach(id, 'some segments are copied', (status) => stored(status) >= 2);
  await first.proxy.fail({ kind: 'refuse' });
  const before = await first.reach(
    id,
    'everything is made',
    (status) => onNodes(status) === segmentsIn(seconds),
  );
  await first.stack.killEverything();
  await first.proxy.fail(undefined);

  await using again = await first.restart({ dataFolder: folder.path });
  await again.reach(id, 'everything is copied', (status) => status.state === 'stored');
  const counts = puts(first.proxy.requests);
  const copiedBefore = stored(before);
  expect(copiedBefore).toBeGreaterThanOrEqual(2);
  // Of what was on its way when the bucket went, nobody knows whether it has arrived: it is sent once more.
  const twice = [...counts].filter(([, count]) => count > 1);
  expect(twice.length, JSON.stringify(twice)).toBeLessThanOrEqual(uploads);
  for (const [name, count] of twice) expect(count, `${name} was PUT ${count} times`).toBe(2);
  const played = await playWithFfmpeg(`${again.stack.url}/v/${id}/index.m3u8`);
  expectWhole(await played.done, seconds);
  expect(again.stack.log()).not.toMatch(/segment made/);
});

test('the playlist service is killed while a session goes on: a new one serves the same lines', async () => {
  await using field = await startField();
  const { id, url } = await field.post(smallDescription(seconds));
  await field.reach(id, 'everything is made', (status) => onNodes(status) === segmentsIn(seconds));
  const name = (await field.status(id)).renditions[0]?.name ?? '';
  const lines = async (): Promise<string> =>
    (await fetch(new URL(`${name}/media.m3u8?sealed=0`, url))).text();
  const before = await lines();
  expect(before).toMatch(/#EXT-X-ENDLIST/);
  const pid = field.stack.kill('playlists');
  await field.stack.restarted('playlists', pid);
  expect(await lines()).toBe(before);
  const played = await playWithFfmpeg(url);
  expectWhole(await played.done, seconds);
});
