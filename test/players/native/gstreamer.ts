import type { Player, Playing, PlayOptions } from '../player.ts';
import { askVersion, complaints, eachLine, findProgram, run } from './program.ts';
import { screen } from './screen.ts';

const program = findProgram('gst-launch-1.0', 'GST_LAUNCH_PATH');

/** One line a frame, printed after the sink has waited for the frame's moment. */
const framePattern = /:screen: last-message = chain .*? pts: (\d+):(\d+):([\d.]+),/;

/** GStreamer's `playbin` or `playbin3` under gst-launch, which can neither seek nor begin elsewhere. */
function gstreamer(name: string, element: string, rank: string): Player {
  return {
    name,
    unavailable: program.unavailable,
    version: () => askVersion(program, '--version', /^GStreamer (\S+)/m),
    play: (url, options) => Promise.resolve(play(url, element, rank, options)),
  };
}

function play(url: string, element: string, rank: string, { time }: PlayOptions = {}): Playing {
  const seen = screen();
  const said = complaints();
  const { child, exited, kill } = run(
    program,
    [
      ['-v', '--no-position', element, `uri=${url}`],
      // Without `qos` and `max-lateness` these sinks show late frames too: what is missing, the stream did not bring.
      ['video-sink=fakesink name=screen sync=true silent=false', 'audio-sink=fakesink sync=true'],
    ].flat(),
    { stdio: ['ignore', 'pipe', 'pipe'], time, env: { ...process.env, GST_PLUGIN_FEATURE_RANK: rank } },
  );
  const state = { ended: false };
  eachLine(child.stdout, (line) => {
    const [, hours, minutes, seconds] = framePattern.exec(line) ?? [];
    if (seconds !== undefined) seen.show((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds));
    else if (line.startsWith('Got EOS from element')) state.ended = true;
    else if (line.startsWith('WARNING')) said.add(line);
  });
  eachLine(child.stderr, said.add);
  const done = exited.then(({ timedOut }) => ({
    ...seen.report(),
    ended: state.ended,
    timedOut,
    fatal: state.ended ? [] : said.all,
    retried: state.ended ? said.all : [],
    frames: { shown: seen.count, dropped: 0 },
  }));
  return {
    position: async () => seen.position,
    // It tells a percentage of what it wants to have, not seconds.
    buffered: async () => undefined,
    seek: undefined,
    done,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
    },
  };
}

/** `playbin3` with adaptivedemux2's demuxer, which plays ahead into a buffer of its own. */
export const gstreamerNew = gstreamer('GStreamer playbin3', 'playbin3', 'hlsdemux2:MAX');

/** `playbin` with the demuxer of old, which most applications still use. */
export const gstreamerOld = gstreamer('GStreamer playbin', 'playbin', 'hlsdemux:MAX');
