import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../../src/render/ffmpeg/find.ts';

const execute = promisify(execFile);

const types: Readonly<Record<string, string>> = {
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.ts': 'video/mp2t',
  '.aac': 'audio/aac',
  '.m4s': 'video/iso.segment',
  '.mp4': 'video/mp4',
  '.vtt': 'text/vtt',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
};

/** A server of a folder. */
export interface FolderServer extends AsyncDisposable {
  readonly url: string;
  /** Requests so far. */
  readonly requests: () => number;
  /** Requests of playlists so far. */
  readonly lists: () => number;
}

/** A folder as a static HTTP server answers it: CORS, byte ranges, types by extension. */
export async function serveFolder(folder: string): Promise<FolderServer> {
  let requests = 0;
  let lists = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests += 1;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = join(folder, normalize(pathname));
    if (path.endsWith('.m3u8')) lists += 1;
    const body = await readFile(path).catch(() => undefined);
    const headers = {
      'access-control-allow-origin': '*',
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'cache-control': path.endsWith('.m3u8') ? 'max-age=0' : 'max-age=31536000, immutable',
    };
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (body === undefined) response.writeHead(404, headers).end();
    else if (range === null) response.writeHead(200, headers).end(body);
    else {
      const part = body.subarray(Number(range[1]), Number(range[2]) + 1);
      response.writeHead(206, headers).end(part);
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    lists: () => lists,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export const { path: ffmpeg } = await findFfmpeg();

const picture = (seconds: number): string => `-f lavfi -i testsrc=s=320x180:r=25:d=${seconds}`;
const tone = (seconds: number): string => `-f lavfi -i sine=330:d=${seconds}:r=48000`;
const h264 = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -keyint_min 25 -sc_threshold 0';
const vod = '-f hls -hls_time 2 -hls_playlist_type vod -hls_flags independent_segments';

/** Runs ffmpeg in a folder; arguments are separated by single spaces. */
export async function run(folder: string, args: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await execute(
    ffmpeg,
    ['-nostdin', '-v', 'error', '-y', ...args.split(' ').map((one) => one.replaceAll('\u00a0', ' '))],
    { cwd: folder },
  );
}

/** Streams that ffmpeg's muxers write, by name: each is made into its own folder, with the playlist `index.m3u8`. */
export const recipes = {
  ts: (folder) => run(folder, `${picture(8)} ${tone(8)} ${h264} -c:a aac ${vod} index.m3u8`),
  'ts with B-frames': (folder) => run(folder, `${picture(8)} ${h264} -preset fast -bf 2 ${vod} index.m3u8`),
  'ts in one file': (folder) =>
    run(
      folder,
      `${picture(8)} ${tone(8)} ${h264} -c:a aac ${vod} -hls_flags single_file+independent_segments index.m3u8`,
    ),
  'ts with AES-128': async (folder) => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'key.bin'), randomBytes(16));
    await writeFile(join(folder, 'keyinfo'), `key.bin\nkey.bin\n${randomBytes(16).toString('hex')}\n`);
    await run(folder, `${picture(8)} ${h264} ${vod} -hls_key_info_file keyinfo index.m3u8`);
  },
  fmp4: (folder) => run(folder, `${picture(8)} ${h264} -bf 0 ${vod} -hls_segment_type fmp4 index.m3u8`),
  'fmp4 in one file': (folder) =>
    run(
      folder,
      `${picture(8)} ${h264} -bf 0 ${vod} -hls_segment_type fmp4 -hls_flags single_file+independent_segments index.m3u8`,
    ),
  'fmp4 with picture and sound': (folder) =>
    run(folder, `${picture(8)} ${tone(8)} ${h264} -bf 0 -c:a aac ${vod} -hls_segment_type fmp4 index.m3u8`),
  'packed audio': (folder) =>
    run(
      folder,
      `${tone(8)} -c:a aac -f segment -segment_time 2 -segment_format adts -segment_list index.m3u8 -segment_list_type m3u8 %d.aac`,
    ),
  ladder: (folder) =>
    run(
      folder,
      `${picture(8)} ${tone(8)} -map 0:v -map 0:v -map 1:a ${h264} -c:a aac -filter:v:1 scale=160:90 -b:v:0 300k -b:v:1 100k ` +
        `${vod} -master_pl_name index.m3u8 -var_stream_map v:0,agroup:a\u00a0v:1,agroup:a\u00a0a:0,agroup:a %v.m3u8`,
    ),
  /** One picture a segment, every two seconds. */
  iframes: async (folder) => {
    await run(folder, `${picture(8)} -r 0.5 ${h264} -g 1 -bf 0 ${vod} -hls_segment_type fmp4 index.m3u8`);
    const path = join(folder, 'index.m3u8');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('#EXT-X-INDEPENDENT-SEGMENTS', '#EXT-X-I-FRAMES-ONLY'));
  },
} as const satisfies Record<string, (folder: string) => Promise<void>>;

/** Starts ffmpeg writing a list in real time: `live` slides over three segments of a second, `event` only grows. */
export function startGrowing(folder: string, kind: 'live' | 'event', seconds: number): Promise<void> {
  const lists = {
    live: '-hls_list_size 6 -hls_flags delete_segments+independent_segments+program_date_time',
    event: '-hls_playlist_type event -hls_flags independent_segments',
  };
  return run(folder, `-re ${picture(seconds)} ${h264} -f hls -hls_time 1 ${lists[kind]} index.m3u8`);
}
