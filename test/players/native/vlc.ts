import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/folder.ts';
import type { Player, Playing, PlayOptions } from '../player.ts';
import { askVersion, complaints, eachLine, findProgram, run } from './program.ts';
import { screen } from './screen.ts';
import { pictureReader } from './yuv.ts';

const program = findProgram('vlc', 'VLC_PATH');

/** VLC refuses to be root: it then is nobody (65534 on Linux). */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Lines of VLC about itself, about how fragmented MP4 looks to it, and about a hardware decoder whose pictures cannot be written. */
const harmless = [
  /no suitable interface module|globalhotkeys|end of playlist, exiting/,
  /no chunk defined|STTS table of 0 entries|Fragment sequence discontinuity|decoded zero sample|Changing stream format/,
  /video converter|level of recursion|adapt decoder format|video output creation failed|to create video output/,
];

/**
 * VLC. Its own counters stand still as soon as it has read the last segment, so each picture that it displays is written to a
 * pipe and counted there. Pictures bear no time: they are counted from where playback began or was sent
 * to, and those that are under way while it is sent elsewhere (one or two) count for the new place.
 */
export const vlc: Player = {
  name: 'VLC',
  unavailable: program.unavailable,
  version: () => askVersion(program, '--version', /^VLC version (\S+)/m, nobody),
  play,
};

async function play(url: string, { startAt = 0, time }: PlayOptions = {}): Promise<Playing> {
  const folder = await temporaryFolder();
  const fifo = join(folder.path, 'pictures');
  execFileSync('mkfifo', [fifo]);
  if (nobody.uid !== undefined)
    for (const path of [folder.path, fifo]) await chown(path, nobody.uid, nobody.gid);
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  // A writer besides VLC, or the pipe would be at its end before VLC opens it; closed when VLC is gone.
  const guard = openSync(fifo, constants.O_WRONLY);
  const pictures = new Socket({ fd, readable: true, writable: false });
  const drained = once(pictures, 'close');

  const seen = screen();
  const said = complaints();
  const base = { time: startAt, count: 0 };
  const reader = pictureReader((fps) => {
    seen.show(base.time + base.count / fps);
    // The first picture of a place is shown at once, and stands until enough is buffered to start the clock.
    if (base.count === 0) seen.sought();
    base.count += 1;
  });
  const state = { late: 0, refused: false };
  pictures.on('data', (chunk: Buffer) => {
    if (state.refused) return;
    try {
      reader(chunk);
    } catch (error) {
      state.refused = true;
      said.add(String(error));
    }
  });
  const { child, exited, kill } = run(
    program,
    [
      ['-I', 'oldrc', '--rc-fake-tty', '--control=', '--no-dbus', '--no-color', '-v'],
      ['--vout=yuv', `--yuv-file=${fifo}`, '--yuv-yuv4mpeg2', '--yuv-chroma=I420', '--aout=adummy'],
      // A busy machine loses no pictures: what is missing, the stream did not bring.
      ['--no-drop-late-frames', '--no-skip-frames'],
      // As the README says: with its 1 s, its clock is reset by any longer wait.
      ['--network-caching=3000'],
      ['--no-video-title-show', '--no-osd', '--no-spu', '--no-metadata-network-access'],
      ['--play-and-exit', ...(startAt > 0 ? [`--start-time=${startAt}`] : []), url],
    ].flat(),
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      time,
      cwd: folder.path,
      env: { PATH: process.env['PATH'], HOME: folder.path, XDG_RUNTIME_DIR: folder.path },
      ...nobody,
    },
  );
  // It may be gone already.
  child.stdin?.on('error', () => undefined);
  child.stdout?.resume();
  eachLine(child.stderr, (line) => {
    if (/too late to be displayed/.test(line)) state.late += 1;
    else if (/open of .* failed|input can't be opened/.test(line)) state.refused = true;
    if (!harmless.some((pattern) => pattern.test(line))) said.add(line.replace(/^\[[0-9a-f]+\] /, ''));
  });
  const done = exited.then(async ({ code, timedOut }) => {
    closeSync(guard);
    await drained;
    await folder[Symbol.asyncDispose]();
    // It exits with 0 whatever happened; that it showed nothing at all is no end of a stream.
    const ended = code === 0 && !state.refused && seen.count > 0;
    return {
      ...seen.report(),
      ended,
      timedOut,
      fatal: ended ? [] : said.all,
      retried: ended ? said.all : [],
      frames: { shown: seen.count, dropped: state.late },
    };
  });
  return {
    position: async () => seen.position,
    buffered: async () => undefined,
    async seek(seconds) {
      seen.sought();
      Object.assign(base, { time: seconds, count: 0 });
      child.stdin?.write(`seek ${Math.round(seconds)}\n`);
    },
    done,
    async [Symbol.asyncDispose]() {
      kill();
      await done;
    },
  };
}
