import { expect, it } from 'vitest';
import { verifyStream } from '../../../src/verify/stream.ts';
import { at, edit, type Files, goodStream, segments, serveFiles } from './stream-fixture.ts';

const date = '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n';

/** The good stream with a date in picture and sound, and subtitles. */
function subtitled(subtitleHead: string): Files {
  const files = goodStream();
  for (const path of ['/720p/media.m3u8', '/audio/media.m3u8'])
    edit(files, path, '#EXT-X-PLAYLIST-TYPE:VOD\n', `#EXT-X-PLAYLIST-TYPE:VOD\n${date}`);
  const subtitles =
    '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",URI="subs/media.m3u8"';
  edit(files, '/index.m3u8', '#EXT-X-STREAM-INF:', `${subtitles}\n#EXT-X-STREAM-INF:SUBTITLES="s",`);
  const lines = Array.from({ length: segments }, (_, n) => `#EXTINF:1.000000,\n${n}.vtt\n`).join('');
  const list = `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n${subtitleHead}${lines}#EXT-X-ENDLIST\n`;
  files.set('/subs/media.m3u8', { ...at(files, '/index.m3u8'), body: Buffer.from(list) });
  const headers = { ...at(files, '/720p/0.m4s').headers, 'content-type': 'text/vtt' };
  const body = Buffer.from('WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n');
  for (let n = 0; n < segments; n += 1) files.set(`/subs/${n}.vtt`, { status: 200, headers, body });
  return files;
}

it.each([
  ['accepts subtitles with program dates where the others have some', date, []],
  ['misses program dates in subtitles where the others have some', '', ['variant.dates']],
])('%s', async (_, head, expected) => {
  await using server = await serveFiles(subtitled(head));
  const report = await verifyStream(`${server.url}/index.m3u8`, {}, AbortSignal.timeout(20_000));
  expect(report.renditions.map(({ kind }) => kind)).toContain('text');
  expect(report.findings.map(({ check }) => check)).toEqual(expected);
});
