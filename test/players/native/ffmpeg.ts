import type { Player, Playing, PlayOptions } from '../player.ts';
import { askVersion, complaints, eachLine, findProgram, run } from './program.ts';
import { screen } from './screen.ts';

// The player is the one that people have, not the one that Segue renders with.
const program = findProgram('ffmpeg', 'FFMPEG_PATH');

/** What libavformat says whenever a redirect leads to another host, before it opens a new connection by itself. */
export const reconnects =
  /Cannot reuse HTTP connection for different host|keepalive request failed .* retrying with new connection|-vsync is deprecated/;

/** ffmpeg as a player that decodes everything, at real time or as fast as it can. It has no screen: frames come out of the decoder. */
function ffmpeg(name: string, realTime: boolean): Player {
  return {
    name,
    unavailable: program.unavailable,
    version: () => askVersion(program, '-version', /^ffmpeg version (\S+)/),
    play: (url, options) => Promise.resolve(play(url, realTime, options)),
  };
}

function play(url: string, realTime: boolean, { startAt = 0, time }: PlayOptions = {}): Playing {
  const seen = screen();
  const said = complaints();
  const { child, exited, kill } = run(
    program,
    [
      ['-nostdin', '-hide_banner', '-loglevel', 'warning', ...(realTime ? ['-re'] : [])],
      [...(startAt > 0 ? ['-ss', String(startAt)] : []), '-i', url],
      // Sound is decoded too, so that what is wrong with it is said.
      ['-map', '0:v:0', '-map', '0:a:0?', '-vsync', 'passthrough'],
      ['-flush_packets', '1', '-f', 'framecrc', 'pipe:1'],
    ].flat(),
    { stdio: ['ignore', 'pipe', 'pipe'], time },
  );
  let timeBase = 0;
  eachLine(child.stdout, (line) => {
    const base = /^#tb 0: (\d+)\/(\d+)/.exec(line);
    if (base !== null) timeBase = Number(base[1]) / Number(base[2]);
    // `stream, dts, pts, duration, size, checksum`; ffmpeg counts from where it was told to begin.
    const frame = /^0,\s*-?\d+,\s*(-?\d+),/.exec(line);
    if (frame !== null) seen.show(startAt + Number(frame[1]) * timeBase);
  });
  eachLine(child.stderr, (line) => {
    if (!reconnects.test(line)) said.add(line);
  });
  const done = exited.then(({ code, timedOut }) => {
    const { stalls, ...report } = seen.report();
    const ended = code === 0;
    return {
      ...report,
      ended,
      timedOut,
      fatal: ended ? [] : said.all,
      retried: ended ? said.all : [],
      // Without a clock there is no standing still.
      stalls: realTime ? stalls : undefined,
      frames: { shown: seen.count, dropped: 0 },
    };
  });
  return {
    position: async () => seen.position,
    buffered: async () => undefined,
    seek: undefined,
    done,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
    },
  };
}

/** ffmpeg with `-re`. It reads when it decodes, so its buffer is the segment that it is in. */
export const ffmpegRealTime = ffmpeg('ffmpeg -re', true);

/** ffmpeg as a downloader uses it. */
export const ffmpegAtOnce = ffmpeg('ffmpeg', false);
