import type { PlayerReport } from '../player.ts';

/** Milliseconds without a new frame from which on a viewer calls it a stall, on top of a frame's own length. */
const stillMs = 500;

/** What reached the screen of one session, frame by frame. */
export interface Screen {
  /** A frame with this media time, in seconds, is shown now. */
  show(time: number): void;
  /** The viewer asked for another place: the wait for the next frame is no stall. */
  sought(): void;
  /** The player has this much ahead of its position now, in seconds. */
  buffered(seconds: number): void;
  readonly position: number | undefined;
  readonly ahead: number | undefined;
  readonly count: number;
  report(): Pick<PlayerReport, 'played' | 'firstFrameMs' | 'endedAt'> & {
    readonly stalls: NonNullable<PlayerReport['stalls']>;
  };
}

interface Shown {
  readonly time: number;
  readonly at: number;
  /** Milliseconds since 1970. */
  readonly when: number;
  /** When the viewer asked for it, if it was not the next one. */
  readonly sought: number | undefined;
}

/** An empty screen; its clock runs from now on. */
export function screen(): Screen {
  const began = performance.now();
  const frames: Shown[] = [];
  const buffer: { at: number; seconds: number }[] = [];
  const state: { sought: number | undefined } = { sought: undefined };
  return {
    show(time) {
      frames.push({ time, at: performance.now(), when: Date.now(), sought: state.sought });
      state.sought = undefined;
    },
    sought() {
      state.sought ??= performance.now();
    },
    buffered(seconds) {
      buffer.push({ at: performance.now(), seconds });
    },
    get position() {
      return frames.at(-1)?.time;
    },
    get ahead() {
      return buffer.at(-1)?.seconds;
    },
    get count() {
      return frames.length;
    },
    report() {
      const length = frameLength(frames);
      const [first, last] = [frames[0], frames.at(-1)];
      const stalls = frames.flatMap((frame, index) => {
        const before = frames[index - 1];
        if (before === undefined) return [];
        const ms = Math.round((frame.sought ?? frame.at) - before.at - length * 1000);
        if (ms < stillMs) return [];
        const ahead = buffer.findLast(({ at }) => at <= before.at + length * 1000 - 1000)?.seconds;
        const when = Math.round(before.when + length * 1000);
        return [{ at: before.time, when, ms, buffered: ahead }];
      });
      return {
        stalls,
        played: spans(
          frames.map(({ time }) => time),
          length,
        ),
        firstFrameMs: first && Math.round(first.at - began),
        endedAt: last && round(last.time + length),
      };
    },
  };
}

/** The commonest distance of two frames, in seconds. */
function frameLength(frames: readonly Shown[]): number {
  const steps = frames.slice(1).map(({ time }, index) => time - (frames[index]?.time ?? 0));
  const forward = steps.filter((step) => step > 0).toSorted((a, b) => a - b);
  return forward[Math.floor(forward.length / 2)] ?? 0;
}

/** Frames that follow one another, as spans of media time; one frame that is missing parts two spans. */
function spans(times: readonly number[], length: number): [number, number][] {
  const merged: [number, number][] = [];
  for (const time of times.toSorted((a, b) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && time < last[1] + length / 2) last[1] = Math.max(last[1], time + length);
    else merged.push([time, time + length]);
  }
  return merged.map(([from, to]) => [round(from), round(to)]);
}

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;
