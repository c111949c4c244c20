import type { PlayerReport } from '../player.ts';

type Span = readonly [number, number];

/** Milliseconds without progress that a viewer calls a stall. */
const stillMs = 300;
const everyMs = 50;
/** Seconds: what is further apart than a frame of 25 a second and a rounding error is a gap. */
const gap = 0.05;

interface Sample {
  /** On the clock of `performance`. */
  readonly at: number;
  /** Milliseconds since 1970. */
  readonly when: number;
  readonly time: number;
  readonly ahead: number;
}

/** Watches one video element from now on. */
export interface Recorder {
  /** The player told of an error that ended playback. */
  fatal(what: string): void;
  /** The player told of an error and goes on. */
  retried(what: string): void;
  /** The viewer asked for another place: the wait for it is no stall. What a player does by itself does not end one. */
  sought(): void;
  position(): number | undefined;
  ahead(): number;
  /** Resolves at the end of the stream or at the first fatal error. */
  readonly over: Promise<void>;
  report(): Omit<PlayerReport, 'timedOut'>;
}

/** Spans, sorted and joined where they touch. */
function joined(list: readonly Span[]): Span[] {
  const result: [number, number][] = [];
  for (const [from, to] of [...list].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1] + gap) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

function spansOf(ranges: TimeRanges): Span[] {
  return Array.from({ length: ranges.length }, (_, i): Span => [ranges.start(i), ranges.end(i)]);
}

/** What both lists cover. */
function common(a: readonly Span[], b: readonly Span[]): Span[] {
  return a.flatMap(([from, to]) =>
    b.flatMap(([start, end]): Span[] =>
      Math.max(from, start) < Math.min(to, end) ? [[Math.max(from, start), Math.min(to, end)]] : [],
    ),
  );
}

/** Watches `video`, which was told to play from `startAt`; `began` is when, on the clock of `performance`. */
export function record(video: HTMLVideoElement, began: number, startAt: number): Recorder {
  const seen = {
    fatal: [] as string[],
    retried: [] as string[],
    stalls: [] as NonNullable<PlayerReport['stalls']>[number][],
    arrived: [] as Span[],
    samples: [] as Sample[],
    firstFrameMs: undefined as number | undefined,
    ended: false,
    /** It has arrived where it was to begin. */
    begun: false,
    /** It is on its way to where the viewer sent it. */
    sought: false,
    /** When the position last changed, and what was ahead a second before that. */
    moved: undefined as (Sample & { readonly before: number | undefined }) | undefined,
    frames: 0,
    dropped: 0,
  };
  const { promise: over, resolve } = Promise.withResolvers<void>();

  const ahead = (): number =>
    spansOf(video.buffered).find(
      ([from, to]) => from - gap <= video.currentTime && video.currentTime <= to,
    )?.[1] ?? video.currentTime;
  const countFrames = () => {
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    seen.frames = Math.max(seen.frames, totalVideoFrames);
    seen.dropped = Math.max(seen.dropped, droppedVideoFrames);
  };
  /** The picture stood since it last moved; what is counted of that is counted once. */
  const closeStall = (now: number) => {
    const last = seen.moved;
    seen.moved = undefined;
    if (last === undefined) return;
    const ms = Math.round(now - last.at);
    if (ms < stillMs + everyMs) return;
    seen.stalls.push({ at: last.time, when: last.when, ms, buffered: last.before });
  };
  const look = () => {
    seen.arrived = joined([...seen.arrived, ...spansOf(video.buffered)]);
    countFrames();
    if (seen.firstFrameMs === undefined || seen.ended) return;
    seen.begun ||= !video.seeking && video.currentTime > startAt - 0.5;
    if (!seen.begun) return;
    const now = {
      at: performance.now(),
      when: Date.now(),
      time: video.currentTime,
      ahead: ahead() - video.currentTime,
    };
    if (!seen.sought && now.time !== seen.moved?.time) {
      closeStall(now.at);
      seen.moved = { ...now, before: seen.samples.findLast(({ at }) => at <= now.at - 1000)?.ahead };
    }
    seen.samples.push(now);
    if (seen.samples.length > 100) seen.samples.shift();
  };
  const timer = setInterval(look, everyMs);
  const finish = () => {
    look();
    closeStall(performance.now());
    clearInterval(timer);
    resolve();
  };
  video.requestVideoFrameCallback((now) => {
    seen.firstFrameMs = Math.round(now - began);
  });
  video.addEventListener('seeked', () => {
    seen.sought = false;
  });
  video.addEventListener('ended', () => {
    finish();
    seen.ended = true;
  });
  const fatal = (what: string) => {
    seen.fatal.push(what);
    finish();
  };
  video.addEventListener('error', () => {
    if (seen.fatal.length === 0) fatal(`media error ${video.error?.code}: ${video.error?.message}`);
  });

  const round = (seconds: number) => Math.round(seconds * 1000) / 1000;
  return {
    fatal,
    retried(what) {
      if (seen.retried.length < 200) seen.retried.push(what);
    },
    sought() {
      closeStall(performance.now());
      seen.sought = true;
      // What was ahead there says nothing of here.
      seen.samples = [];
    },
    position: () => (seen.firstFrameMs === undefined ? undefined : video.currentTime),
    ahead: () => ahead() - video.currentTime,
    over,
    report() {
      // Of a session that did not end.
      closeStall(performance.now());
      return {
        ended: seen.ended,
        fatal: seen.fatal,
        retried: seen.retried,
        stalls: seen.stalls.map(({ at, buffered, ...stall }) => ({
          ...stall,
          at: round(at),
          buffered: buffered === undefined ? undefined : round(buffered),
        })),
        frames: { shown: seen.frames - seen.dropped, dropped: seen.dropped },
        // What a player skipped by jumping was not played, and what it played without data did not arrive.
        played: joined(common(joined(spansOf(video.played)), seen.arrived)).map(
          ([from, to]): Span => [round(from), round(to)],
        ),
        firstFrameMs: seen.firstFrameMs,
        endedAt: seen.ended ? round(video.currentTime) : undefined,
      };
    },
  };
}
