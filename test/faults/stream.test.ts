import { setOptions } from 'hls-parser';
import { expect, test } from 'vitest';
import { cheap, makeStream, produce, type TestStream, testSource } from '../integration/ingest/kit.ts';
import { strictMedia } from '../integration/playlists/stream-kit.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import { type Field, type Status, size, startField } from './kit.ts';

setOptions({ strictMode: true });

const segmentSeconds = 1;
const sending = ['-f', 'hls', '-hls_time', String(segmentSeconds), '-hls_list_size', '0', '-method', 'PUT'];
const target = (stream: TestStream): string => `${stream.ingest[0]}out.m3u8`;
const text = async (url: string | URL): Promise<string> => {
  const answer = await fetch(url);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${body}`);
  return body;
};
/** Name of the part that holds the segments of a stream. */
const nodeOf = (status: Status): string => Object.keys(status.renditions[0]?.nodes ?? {})[0] ?? '';
const copied = (status: Status): number => size(status.renditions[0]?.bucket ?? []);

/** Plays a stream that has ended, and counts. */
async function expectPlays(url: string, segments: number): Promise<void> {
  const played = await (await playWithFfmpeg(url)).done;
  expect(played).toMatchObject({ exitCode: 0, frames: segments * segmentSeconds * 25, complaints: [] });
}

/** Waits until the list of a stream has ended. */
const ended = (media: URL): Promise<string> =>
  until(
    async () => {
      const list = await text(media);
      return list.includes('#EXT-X-ENDLIST') ? list : undefined;
    },
    { what: 'the list has ended', timeout: 120_000 },
  );

async function killAndWait(field: Field, part: string): Promise<void> {
  await field.stack.restarted(part, field.stack.kill(part));
}

test('what nobody has copied is held until its node is back, and the list ends only then', async () => {
  await using field = await startField();
  await field.proxy.fail({ kind: 'refuse' });
  const stream = await makeStream(field.stack);
  const producer = await produce(testSource(8), cheap, sending, target(stream));
  expect(await producer.done).toMatchObject({ code: 0 });
  const status = await field.reach(stream.id, 'the source has ended', (now) => now.state === 'ended');
  expect([copied(status), status.exposureSeconds]).toEqual([0, 8]);
  const media = new URL('r0/media.m3u8', stream.url);
  const list = await text(media);
  expect(strictMedia(list)).toMatchObject({ endlist: false, playlistType: 'EVENT' });
  const before = await (await fetch(new URL('7.ts', media))).arrayBuffer();

  const part = nodeOf(status);
  const pid = field.stack.kill(part);
  // Held by the service while the node is away: no error, no redirect to an address that refuses.
  const held = await fetch(new URL('7.ts', media));
  expect(held.status).toBe(200);
  expect(await held.arrayBuffer()).toEqual(before);
  await field.stack.restarted(part, pid);
  expect(await text(media)).toBe(list);

  await field.proxy.fail(undefined);
  expect(await ended(media)).toBe(`${list}#EXT-X-ENDLIST\n`);
  await expectPlays(stream.url, 8);
  // Sealed: the bucket alone plays.
  const sealed = await until(async () => ((now) => (now.sealed ? now : undefined))(await stream.status()), {
    what: 'it is sealed',
    timeout: 60_000,
  });
  await expectPlays(`${field.bucket.settings.publicUrl}/renders/${sealed.renderId}/index.m3u8`, 8);
});

test('a live stream goes on over a restart of the service, and its viewer does not notice the node being killed', async () => {
  await using field = await startField();
  const stream = await makeStream(field.stack);
  const producer = await produce('-re', testSource(60), cheap, sending, target(stream));
  const media = new URL('r0/media.m3u8', stream.url);
  const seen: string[] = [];
  const live = await field.reach(stream.id, 'some is copied', (now) => copied(now) >= 5);
  seen.push(await text(media));
  await killAndWait(field, 'playlists');
  seen.push(await text(media));
  // A viewer joins at the live edge: three segments before the end, as it is when the player comes to it.
  const playing = await playWithFfmpeg(stream.url);
  await until(() => playing.frames > 25, { what: 'it plays', timeout: 60_000 });
  const joined = strictMedia(await text(media)).segments.length;
  const part = nodeOf(live);
  const pid = field.stack.kill(part);
  // What is in the bucket goes on at once.
  expect((await fetch(new URL('0.ts', media))).headers.get('content-type')).toBe('video/mp2t');
  await field.stack.restarted(part, pid);
  producer.kill('SIGKILL');
  await producer.done;
  seen.push(await text(media));
  // The source is gone without having said so: whoever made the stream ends it.
  const headers = { authorization: `Bearer ${field.stack.adminToken}` };
  await fetch(`${field.stack.url}/v1/streams/${stream.id}`, { method: 'DELETE', headers });
  seen.push(await ended(media));
  for (const [index, list] of seen.entries()) expect(list.startsWith(seen[index - 1] ?? '')).toBe(true);
  const count = strictMedia(seen.at(-1) ?? '').segments.length;
  expect(count).toBeGreaterThanOrEqual(5);
  await expectPlays(stream.url, count);
  const played = await playing.done;
  expect(played).toMatchObject({ exitCode: 0, complaints: [] });
  expect(played.frames).toBeGreaterThanOrEqual((count - joined) * 25);
});
