import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { at, type Files, serveFiles } from '../../unit/verify/stream-fixture.ts';

const execute = promisify(execFile);
const found = await findFfmpeg();
/** The one that is used here, and the one of an npm package that Segue falls back to. */
const fallback = await findFfmpeg({ searchPath: '' }).catch(() => found);
const builds = [...new Set([found.path, fallback.path])];

const hls = ['-f', 'hls', '-hls_segment_type', 'fmp4', '-hls_time', '1', '-hls_playlist_type', 'vod'];
const video = ['-f', 'lavfi', '-i', 'testsrc=s=320x180:r=25:d=4', '-c:v', 'libx264', '-bf', '0', '-g', '25'];
const audio = ['-f', 'lavfi', '-i', 'sine=330:d=4:r=48000', '-c:a', 'aac'];

/** What ffmpeg's own HLS muxer makes of a test picture or tone, as files of a server. */
async function made(ffmpeg: string, source: readonly string[]): Promise<Files> {
  await using folder = await temporaryFolder();
  const flags = ['-hls_flags', 'independent_segments', '-hls_segment_filename', '%d.m4s', 'media.m3u8'];
  // Without B-frames and edit lists the muxer's segments keep their times. The build of 2018 has no such option.
  const options = (await execute(ffmpeg, ['-v', 'error', '-h', 'muxer=hls'])).stdout.includes(
    'hls_segment_options',
  )
    ? ['-hls_segment_options', 'movflags=+frag_discont:use_editlist=0']
    : [];
  await execute(ffmpeg, ['-v', 'error', ...source, ...hls, ...options, ...flags], { cwd: folder.path });
  const files: Files = new Map();
  for (const name of await readdir(folder.path)) {
    const body = await readFile(join(folder.path, name));
    const type = name.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp4';
    const headers = {
      'content-type': type,
      'access-control-allow-origin': '*',
      'cache-control': 'max-age=86400',
    };
    files.set(`/${name}`, { status: 200, headers, body });
  }
  return files;
}

const findingsOf = async (files: Files, ffmpeg: string): Promise<string[]> => {
  await using server = await serveFiles(files);
  const report = await verifyStream(`${server.url}/media.m3u8`, { ffmpeg }, AbortSignal.timeout(60_000));
  return report.checks.flatMap(({ id, findings }) => (findings > 0 ? [id] : []));
};

describe.each(builds)('verify --decode with %s', (ffmpeg) => {
  it('counts every frame of a good stream', async () => {
    const files = await made(found.path, video);
    await using server = await serveFiles(files);
    const report = await verifyStream(`${server.url}/media.m3u8`, { ffmpeg }, AbortSignal.timeout(60_000));
    // The build of 2018 writes an edit list all the same, and that is found.
    expect(report.findings.filter(({ check }) => check !== 'box.elst')).toEqual([]);
    expect(
      report.checks.filter(({ id }) => id.startsWith('decode.')).map(({ id, examined }) => [id, examined]),
    ).toEqual([
      ['decode.errors', 1],
      ['decode.frames', 1],
      ['decode.samples', 0],
    ]);
  });

  it('notices media that is damaged inside', async () => {
    const files = await made(found.path, video);
    const { body } = at(files, '/2.m4s');
    // The second half is picture data; the boxes in front of it stay whole.
    body.fill(0xff, Math.floor(body.length / 2), body.length - 1000);
    expect(await findingsOf(files, ffmpeg)).toContain('decode.errors');
  });

  it('notices audio whose durations are not those of its samples', async () => {
    // ffmpeg's segmenter shortens the first packet by the priming that it leaves in.
    expect(await findingsOf(await made(found.path, audio), ffmpeg)).toContain('decode.samples');
  });
});
