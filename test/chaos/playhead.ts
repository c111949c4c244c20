/** A stall of a simulated player. */
export interface Stall {
  /** When it was over, for finding it in the log. */
  readonly endedAt: string;
  /** What was waited for. */
  readonly segment: string;
  readonly seconds: number;
  /** Seconds that were buffered when the segment that was waited for was asked for. */
  readonly ahead: number;
}

/** Players buffer so many seconds ahead. */
export const bufferSeconds = 8;

/** The clock of a player of several tracks: it runs in real time, and stands still while one of them has run out. */
export interface Playhead {
  /** Seconds that a track has buffered ahead of the playhead. */
  ahead(track: number): number;
  /** A track has got everything up to `end` (seconds), by this segment; `askedAhead`: what it had when it asked. */
  arrived(track: number, end: number, askedAhead: number, segment: string): void;
  readonly stalls: readonly Stall[];
}

/** A clock that starts once every track has something. `now`: seconds, monotonic. */
export function playhead(tracks: number, now: () => number): Playhead {
  const ends = Array.from({ length: tracks }, () => 0);
  const stalls: Stall[] = [];
  /** The moment at which position 0 was shown, moved by each stall. */
  let zero: number | undefined;
  const common = (): number => Math.min(...ends);
  const position = (): number => (zero === undefined ? 0 : Math.min(now() - zero, common()));
  return {
    ahead: (track) => (ends[track] ?? 0) - position(),
    arrived(track, end, askedAhead, segment) {
      const before = common();
      ends[track] = end;
      if (common() === before) return;
      if (zero === undefined) {
        zero = now();
        return;
      }
      const late = now() - zero - before;
      if (late <= 0) return;
      zero += late;
      // A moment that nobody sees: a frame.
      if (late > 0.04)
        stalls.push({ endedAt: new Date().toISOString(), segment, seconds: late, ahead: askedAhead });
    },
    stalls,
  };
}
