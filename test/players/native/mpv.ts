import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { Player, Playing, PlayOptions } from '../player.ts';
import { reconnects } from './ffmpeg.ts';
import { askVersion, complaints, eachLine, findProgram, run } from './program.ts';
import { screen } from './screen.ts';

const program = findProgram('mpv', 'MPV_PATH');

const eventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('log-message'), prefix: z.string(), level: z.string(), text: z.string() }),
  z.object({ event: z.literal('property-change'), name: z.string(), data: z.unknown() }),
  z.object({ event: z.literal('end-file'), reason: z.string(), file_error: z.string().optional() }),
]);

const showinfo = /^Parsed_showinfo_\d+: n: *\d+ .*? pts_time:([\d.]+)/;

/** What is observed of a session. */
interface Observed {
  ended: boolean;
  error: string | undefined;
  readonly drops: Map<string, number>;
  /** Frames before this are decoded on the way to where the viewer wants to be, and not shown. */
  floor: number;
}

/**
 * mpv without a window. `--vo=null` and `--ao=null` keep time as a screen and a sound card would. With libavformat 5.1 it comes to
 * nothing when it seeks in fMP4 to what it has not read yet, whoever made the stream (ffmpeg's own too).
 */
export const mpv: Player = {
  name: 'mpv',
  unavailable: program.unavailable,
  version: () => askVersion(program, '--version', /^mpv v?(\S+)/),
  play: (url, options) => Promise.resolve(play(url, options)),
};

function play(url: string, { startAt = 0, time }: PlayOptions = {}): Playing {
  const seen = screen();
  const said = complaints();
  const { child, exited, kill } = run(
    program,
    [
      ['--no-config', '--no-terminal', '--idle=yes', '--vo=null', '--ao=null', '--ao-null-untimed=no'],
      // Its own count of frames is an estimate; a filter that lets every frame through with a word about it is not.
      ['--vf=lavfi=[showinfo=checksum=0]', '--hr-seek=yes', '--input-ipc-client=fd://3'],
      // A busy machine loses no frames: what is missing, the stream did not bring.
      ['--framedrop=no'],
      startAt > 0 ? [`--start=${startAt}`] : [],
    ].flat(),
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], time },
  );
  const ipc = child.stdio[3] as Duplex;
  // The player may be gone already.
  ipc.on('error', () => undefined);
  const send = (...command: (string | number)[]) => {
    if (ipc.writable) ipc.write(`${JSON.stringify({ command })}\n`);
  };
  const observed: Observed = { ended: false, error: undefined, drops: new Map(), floor: startAt };
  eachLine(ipc, (line) => {
    const { data: event } = eventSchema.safeParse(JSON.parse(line));
    if (event?.event === 'end-file') {
      observed.ended = event.reason === 'eof';
      observed.error = event.file_error;
      send('quit');
    } else if (event?.event === 'property-change') {
      if (typeof event.data !== 'number') return;
      if (event.name === 'demuxer-cache-duration') seen.buffered(event.data);
      else observed.drops.set(event.name, event.data);
    } else if (event !== undefined) {
      const time = Number(showinfo.exec(event.text)?.[1] ?? Number.NaN);
      if (time > observed.floor - 0.001) {
        observed.floor = 0;
        seen.show(time);
      } else if (['warn', 'error', 'fatal'].includes(event.level) && !reconnects.test(event.text)) {
        said.add(`${event.prefix}: ${event.text}`);
      }
    }
  });
  eachLine(child.stdout, said.add);
  eachLine(child.stderr, said.add);
  // Nothing is opened before it is observed.
  send('request_log_messages', 'v');
  for (const [id, name] of [
    'demuxer-cache-duration',
    'frame-drop-count',
    'decoder-frame-drop-count',
  ].entries())
    send('observe_property', id + 1, name);
  send('loadfile', url);

  const done = exited.then(({ timedOut }) => {
    const dropped = [...observed.drops.values()].reduce((sum, count) => sum + count, 0);
    const { ended, error } = observed;
    return {
      ...seen.report(),
      ended,
      timedOut,
      fatal: ended ? [] : [...(error === undefined ? [] : [error]), ...said.all],
      retried: ended ? said.all : [],
      // Those that the screen dropped have passed the filter before.
      frames: { shown: seen.count - (observed.drops.get('frame-drop-count') ?? 0), dropped },
    };
  });
  return {
    position: async () => seen.position,
    buffered: async () => seen.ahead,
    async seek(seconds) {
      seen.sought();
      observed.floor = seconds;
      send('seek', seconds, 'absolute+exact');
    },
    done,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
    },
  };
}
