import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { until } from '../../support/wait.ts';
import { segmentBytes, startTestNode } from './node.ts';
import { leaseSeconds, padsSoon, secret, startService, startTestBucket } from './setup.ts';
import { asAdmin, createStream, sourceAt, strictMedia } from './stream-kit.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = sharedPostgres();
});
afterAll(() => postgres.stop());

const node = (databaseUrl: string, id = 'a') =>
  startTestNode({ id, databaseUrl, secret, leaseSeconds, open: false });
const ts = { kind: 'video', container: 'mpegts' } as const;
const fmp4 = { kind: 'video', container: 'fmp4' } as const;
const text = async (url: string | URL): Promise<string> => {
  const answer = await fetch(url);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${body}`);
  return body;
};
const status = async (service: string, id: string) =>
  (await (await asAdmin(`${service}/v1/streams/${id}`)).json()) as Record<string, unknown>;

test('making a stream needs the token, and hands out a key once', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl);
  const refused = await fetch(`${service.url}/v1/streams`, { method: 'POST', body: '{}' });
  expect(refused.status).toBe(401);
  const wrong = await asAdmin(`${service.url}/v1/streams`, {
    method: 'POST',
    body: JSON.stringify({ window: -1, targetDuration: 2.5, colour: 'red' }),
  });
  expect(wrong.status).toBe(400);
  const { error } = (await wrong.json()) as { error: { problems: string[]; hint: string } };
  expect(error.problems.join('\n')).toMatch(/window: [^]*targetDuration: [^]*colour/);
  const made = await createStream(service.url, { name: 'Concert', window: 30 });
  expect(made.url).toBe(`${service.url}/v/${made.id}/index.m3u8`);
  expect(made.key).toMatch(/^[\w-]{32}$/);
  expect(made.ingest).toEqual([`${a.url}/ingest/${made.key}/`]);
  const other = await createStream(service.url);
  expect([other.id === made.id, other.key === made.key]).toEqual([false, false]);
  const shown = await status(service.url, made.id);
  expect(shown).toMatchObject({ name: 'Concert', window: 30, state: 'waiting', renditions: [], lease: null });
  expect(JSON.stringify(shown)).not.toContain(made.key);
  const list = await (await asAdmin(`${service.url}/v1/streams`)).json();
  expect(list).toMatchObject({ streams: [{ id: other.id }, { id: made.id, state: 'waiting' }] });
  expect((await asAdmin(`${service.url}/v1/streams/stream-${'x'.repeat(22)}`)).status).toBe(404);
  expect((await fetch(`${service.url}/v/stream-${'x'.repeat(22)}/index.m3u8`)).status).toBe(404);
});

test('a list is held until three segments are there, then grows, and ends once everything is in the bucket', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl);
  const made = await createStream(service.url);
  const source = await sourceAt(a, service.url, made.id, bucket);
  const waiting = fetch(made.url);
  await source.rendition('main', ts, { codecs: 'avc1.42c01e,mp4a.40.2', width: 640, height: 360 });
  await source.send('main', 2);
  await source.live(2);
  const held = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, 'held'))]);
  expect(held).toBe('held');
  await source.send('main', 1);
  const index = await waiting;
  expect([index.status, index.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
  expect(await index.text()).toBe(
    [
      '#EXTM3U',
      '#EXT-X-VERSION:6',
      '#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360',
      'main/media.m3u8',
      '',
    ].join('\n'),
  );
  const media = new URL('main/media.m3u8', made.url);
  const first = await fetch(media);
  expect(first.headers.get('cache-control')).toBe('public, max-age=1');
  const grown = await first.text();
  expect(strictMedia(grown)).toMatchObject({ playlistType: 'EVENT', targetDuration: 2, endlist: false });
  expect(grown).not.toContain('EXT-X-START');
  expect(await text(`${made.url}?start=0`)).toContain('main/media.m3u8?start=0');
  expect(await text(`${media}?start=0`)).toContain('#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES');
  await source.send('main', 20);
  const later = await text(media);
  expect(later.startsWith(grown)).toBe(true);
  expect(strictMedia(later).segments).toHaveLength(23);
  expect(await status(service.url, made.id)).toMatchObject({ state: 'live', exposureSeconds: 46 });

  // New sessions get the bucket's URLs of what is stored; the old list stays as it is.
  await source.copy('main', 0, 20);
  expect(await text(made.url)).toContain('main/media.m3u8?sealed=16');
  expect(await text(media)).toBe(later);
  const sealed = await text(`${media}?sealed=16`);
  expect(sealed).toContain(`${bucket.url}/renders/${source.renderId}/main/15.ts\n`);
  expect(sealed.replaceAll(`${bucket.url}/renders/${source.renderId}/main/`, '')).toBe(later);
  expect((await fetch(`${media}?sealed=21`)).status).toBe(404);
  expect((await fetch(`${media}?mode=vod`)).status).toBe(404);

  // Ended by the source: the list ends when nothing of it can be lost any more.
  await source.end();
  expect(await text(media)).toBe(later);
  expect(await status(service.url, made.id)).toMatchObject({ state: 'ended', exposureSeconds: 6 });
  await source.copy('main', 20, 23);
  expect(await text(media)).toBe(`${later}#EXT-X-ENDLIST\n`);
  expect(await text(`${media}?sealed=16`)).toBe(`${sealed}#EXT-X-ENDLIST\n`);
  expect(await text(made.url)).toContain('main/media.m3u8?sealed=23&mode=vod');
  const finished = await fetch(`${media}?sealed=23&mode=vod`);
  expect(finished.headers.get('cache-control')).toContain('immutable');
  const parsed = strictMedia(await finished.text());
  expect([parsed.playlistType, parsed.endlist, parsed.segments.length]).toEqual(['VOD', true, 23]);
  for (const { uri } of parsed.segments) expect(uri.startsWith(`${bucket.url}/`)).toBe(true);
  expect(await status(service.url, made.id)).toMatchObject({ exposureSeconds: 0 });
  expect(await (await fetch(`${service.url}/v1/videos/${made.id}`)).json()).toMatchObject({ state: 'ended' });
});

test('nothing to list yet is 503 with Retry-After after a bounded hold; a stream that is over without it is 404', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  const made = await createStream(service.url);
  const held = fetch(made.url);
  const answer = await held;
  expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('cache-control')]).toEqual([
    503,
    '1',
    'no-store',
  ]);
  const ended = await asAdmin(`${service.url}/v1/streams/${made.id}`, { method: 'DELETE' });
  expect(await ended.json()).toMatchObject({ state: 'ended' });
  expect((await fetch(made.url)).status).toBe(404);
});

test('a window slides: sequences are exact whether the service saw all of it or has just been started', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl);
  const made = await createStream(service.url, { window: 20, targetDuration: 2 });
  const source = await sourceAt(a, service.url, made.id, bucket);
  await source.rendition('main', ts);
  await source.send('main', 3);
  await source.live(9);
  const media = `${service.url}/v/${made.id}/main/media.m3u8`;
  const before = await text(media);
  expect(before).toContain('#EXT-X-TARGETDURATION:2\n');
  expect(before).not.toContain('PLAYLIST-TYPE');
  for (let round = 0; round < 100; round += 1) {
    await source.send('main', 1, { discontinuity: true });
    await source.send('main', 3);
    if (round % 10 === 0) await text(media);
  }
  const list = await text(media);
  const { mediaSequenceBase, discontinuitySequenceBase, segments, endlist } = strictMedia(list);
  // 403 segments of 2 s, the last 10 stay; discontinuities are at 3, 7, 11, ... 399.
  expect([mediaSequenceBase, segments.length, endlist]).toEqual([393, 10, false]);
  expect(segments.map(({ uri }) => uri)).toEqual(Array.from({ length: 10 }, (_, at) => `${393 + at}.ts`));
  expect(segments.map(({ discontinuity }) => discontinuity ?? false).indexOf(true)).toBe(2);
  expect(discontinuitySequenceBase).toBe(98);
  await using fresh = await startService(databaseUrl, bucket.url);
  expect(await text(`${fresh.url}/v/${made.id}/main/media.m3u8`)).toBe(list);
  // What has left the list can still be fetched by who is behind.
  expect((await fetch(`${service.url}/v/${made.id}/main/0.ts`)).status).toBe(200);
  expect((await fetch(`${service.url}/v/${made.id}/main/403.ts`)).status).toBe(404);

  // The list ends when what it lists is safe.
  await source.end();
  expect(await text(media)).toBe(list);
  await source.copy('main', 390, 403);
  expect(await text(media)).toBe(`${list}#EXT-X-ENDLIST\n`);
});

test('keys, init segments, dates and discontinuities pass through; keys are kept by no cache', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl);
  const made = await createStream(service.url);
  const source = await sourceAt(a, service.url, made.id, bucket);
  await source.rendition('v0', fmp4, { audioGroup: 'sound', subtitlesGroup: 'none', frameRate: 25 });
  await source.rendition(
    'a0',
    { kind: 'audio', container: 'fmp4' },
    {
      role: 'media',
      groupId: 'sound',
      name: 'Deutsch "laut"',
      language: 'de',
      channels: '2',
      isDefault: true,
    },
  );
  const init = new TextEncoder().encode('ftypmoov');
  await source.file('v0', 'init-0.mp4', init, 'video/mp4');
  await source.file('v0', 'key-0.key', new Uint8Array(16).fill(7), 'application/octet-stream');
  const iv = `0x${'0'.repeat(31)}1`;
  await source.send('v0', 2, { programDateTime: '2026-01-01T00:00:00.000Z' });
  await source.send('v0', 1, {
    key: { method: 'AES-128', file: 'key-0.key', iv },
    discontinuity: true,
    init: 1,
  });
  await source.send('v0', 1, { key: { method: 'AES-128', uri: 'https://keys.test/k?a=b', iv }, init: 1 });
  await source.send('a0', 3);
  await source.live(3);
  expect(await text(made.url)).toBe(
    [
      '#EXTM3U',
      '#EXT-X-VERSION:6',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Deutsch  laut ",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0/media.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=500000,FRAME-RATE=25.000,AUDIO="sound"',
      'v0/media.m3u8',
      '',
    ].join('\n'),
  );
  const base = `${service.url}/v/${made.id}/v0`;
  expect(await text(`${base}/media.m3u8`)).toBe(
    [
      '#EXTM3U',
      '#EXT-X-VERSION:7',
      '#EXT-X-TARGETDURATION:3',
      '#EXT-X-MEDIA-SEQUENCE:0',
      '#EXT-X-PLAYLIST-TYPE:EVENT',
      '#EXT-X-MAP:URI="init-0.mp4"',
      '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z',
      '#EXTINF:2.000000,',
      '0.m4s',
      '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z',
      '#EXTINF:2.000000,',
      '1.m4s',
      '#EXT-X-DISCONTINUITY',
      `#EXT-X-KEY:METHOD=AES-128,URI="key-0.key",IV=${iv}`,
      '#EXT-X-MAP:URI="init-1.mp4"',
      '#EXTINF:2.000000,',
      '2.m4s',
      `#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/k?a=b",IV=${iv}`,
      '#EXTINF:2.000000,',
      '3.m4s',
      '',
    ].join('\n'),
  );
  const map = await fetch(`${base}/init-0.mp4`);
  expect([map.status, map.headers.get('content-type')]).toEqual([200, 'video/mp4']);
  expect(map.headers.get('cache-control')).toContain('immutable');
  expect(new Uint8Array(await map.arrayBuffer())).toEqual(init);
  const key = await fetch(`${base}/key-0.key`);
  expect([key.status, key.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(new Uint8Array(await key.arrayBuffer())).toEqual(new Uint8Array(16).fill(7));
  expect((await fetch(`${base}/key-1.key`)).status).toBe(404);
  expect((await fetch(`${base}/2.ts`)).status).toBe(404);
});

test('segments: through from the node, then 307; held while their node is away, and nobody is asked to make them', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url, { ...padsSoon, holdSeconds: 2 });
  await using patient = await startService(databaseUrl, bucket.url);
  await using b = await node(databaseUrl, 'b');
  const a = await node(databaseUrl, 'a');
  try {
    const made = await createStream(service.url);
    const source = await sourceAt(a, service.url, made.id, bucket);
    await source.rendition('main', ts);
    await source.rendition('cmaf', fmp4);
    await source.send('main', 4);
    await source.send('cmaf', 4);
    await source.live(2);
    const base = `${service.url}/v/${made.id}`;
    const patiently = `${patient.url}/v/${made.id}`;
    const through = await fetch(`${patiently}/main/0.ts`);
    expect([
      through.status,
      through.headers.get('x-segue-source'),
      through.headers.get('content-type'),
    ]).toEqual([200, 'a', 'video/mp2t']);
    expect(new Uint8Array(await through.arrayBuffer())).toEqual(segmentBytes('main', 0, 1000));
    await source.copy('main', 0, 2);
    const moved = await fetch(`${base}/main/0.ts`, { redirect: 'manual' });
    expect([moved.status, moved.headers.get('cache-control')]).toEqual([307, 'no-store']);
    await a.kill();
    await until(
      async () => JSON.stringify(await status(service.url, made.id)).includes('"nodes":{},"absent":[[2,4]]'),
      { what: 'the node counts as dead' },
    );
    expect((await fetch(`${base}/main/1.ts`)).status).toBe(200);
    // MPEG-TS and CMAF are padded, and the connection is cut where the segment does not come in time.
    for (const name of ['main/2.ts', 'cmaf/2.m4s']) {
      const padded = await fetch(`${base}/${name}`);
      expect([padded.status, padded.headers.get('cache-control')]).toEqual([200, 'no-store']);
      await expect(padded.arrayBuffer()).rejects.toThrow();
    }
    // A held request gets the segment as soon as any place has it.
    const held = fetch(`${patiently}/main/3.ts`);
    await source.copy('main', 3, 4);
    expect(new Uint8Array(await (await held).arrayBuffer())).toEqual(segmentBytes('main', 3, 1000));
    expect([...a.requests, ...b.requests].filter((line) => line.startsWith('POST'))).toEqual([]);
  } finally {
    await a[Symbol.asyncDispose]();
  }
});

test('ending a stream takes the right to write from who has it', async () => {
  const databaseUrl = await postgres.createDatabase();
  await using bucket = await startTestBucket();
  await using service = await startService(databaseUrl, bucket.url);
  await using a = await node(databaseUrl);
  const made = await createStream(service.url);
  const source = await sourceAt(a, service.url, made.id, bucket);
  await source.rendition('main', ts);
  await source.send('main', 2);
  await source.live(2);
  await source.copy('main', 0, 2);
  const ended = await asAdmin(`${service.url}/v1/streams/${made.id}`, { method: 'DELETE' });
  expect(await ended.json()).toMatchObject({ state: 'ended', renditions: [{ segments: 2, ended: true }] });
  await expect(source.send('main', 1)).rejects.toThrow('fenced');
  // Two segments are all there will be, so they are listed.
  expect(strictMedia(await text(`${service.url}/v/${made.id}/main/media.m3u8`))).toMatchObject({
    endlist: true,
  });
  const again = await asAdmin(`${service.url}/v1/streams/${made.id}`, { method: 'DELETE' });
  expect(again.status).toBe(200);
});
