import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initSegment, mediaSegment, type SegmentDefects } from './boxes-fixture.ts';

/** One answer of the test server. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  /** The request is taken, and never answered. */
  hangs?: boolean;
}

/** A stream as a server would answer it, by path: a test breaks one thing of it. */
export type Files = Map<string, Answer>;

export const segments = 8;
const videoFrames = 25;
const audioFrames = 47;

const immutable = 'public, max-age=31536000, immutable';

function answer(type: string, body: Buffer | string): Answer {
  const headers = { 'content-type': type, 'access-control-allow-origin': '*', 'cache-control': immutable };
  return { status: 200, headers, body: Buffer.from(body) };
}

const playlistType = 'application/vnd.apple.mpegurl';

/** Eight segments of video and audio without a defect. */
export function goodStream(): Files {
  const files: Files = new Map();
  files.set(
    '/index.m3u8',
    answer(
      playlistType,
      `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,URI="audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=18500,AVERAGE-BANDWIDTH=18000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio"
720p/media.m3u8
`,
    ),
  );
  for (const [folder, track, frames] of [
    ['720p', 'video', videoFrames],
    ['audio', 'audio', audioFrames],
  ] as const) {
    const seconds = track === 'video' ? 1 : (audioFrames * 1024) / 48_000;
    const lines = Array.from({ length: segments }, (_, n) => `#EXTINF:${seconds.toFixed(6)},\n${n}.m4s\n`);
    files.set(
      `/${folder}/media.m3u8`,
      answer(
        playlistType,
        `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:1
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="init.mp4"
${lines.join('')}#EXT-X-ENDLIST
`,
      ),
    );
    files.set(`/${folder}/init.mp4`, answer(`${track}/mp4`, initSegment(track)));
    for (let n = 0; n < segments; n += 1) setSegment(files, folder, n, frames, {});
  }
  return files;
}

/** Puts segment n of a rendition anew, with defects. */
export function setSegment(
  files: Files,
  folder: '720p' | 'audio',
  n: number,
  frames: number | undefined,
  defects: SegmentDefects,
): void {
  const track = folder === '720p' ? 'video' : 'audio';
  const count = frames ?? (track === 'video' ? videoFrames : audioFrames);
  const unit = track === 'video' ? 1000 : 1024;
  const start = n * (track === 'video' ? videoFrames : audioFrames) * unit;
  files.set(`/${folder}/${n}.m4s`, answer(`${track}/mp4`, mediaSegment(track, start, count, defects)));
}

/** The answer at a path; there must be one. */
export function at(files: Files, path: string): Answer {
  const found = files.get(path);
  if (found === undefined) throw new Error(`no ${path}`);
  return found;
}

/** Changes the text of a playlist; what is to be replaced must be there. */
export function edit(files: Files, path: string, from: string | RegExp, to: string): void {
  const file = at(files, path);
  const before = file.body.toString('utf8');
  const after = before.replaceAll(from instanceof RegExp ? new RegExp(from, 'g') : from, to);
  if (after === before) throw new Error(`${String(from)} is not in ${path}`);
  file.body = Buffer.from(after);
}

/** Serves files on loopback until it is disposed of. */
export async function serveFiles(files: Files): Promise<{ url: string } & AsyncDisposable> {
  const server: Server = createServer((request, response) => {
    const file = files.get(new URL(request.url ?? '/', 'http://localhost').pathname);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (file.hangs === true) return;
    response.writeHead(file.status, file.headers);
    // A content-length that is too long is kept by cutting the connection.
    const told = Number(file.headers['content-length'] ?? file.body.length);
    response.write(file.body, () => (told > file.body.length ? response.destroy() : response.end()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
