/** A player that streams are tried with: a browser page or a program. */
export interface Player {
  /** As in the matrix: `hls.js 1.7`, `mpv`. */
  readonly name: string;
  /** Why it cannot run here, to be printed; undefined where it can. */
  readonly unavailable: string | undefined;
  /** Version that it names itself, asked once. */
  version(): Promise<string>;
  /** Begins to play; resolves as soon as the player has been started. */
  play(url: string, options?: PlayOptions): Promise<Playing>;
}

/** How a session is to go. */
export interface PlayOptions {
  /** Begin here, in seconds, where the player can. */
  readonly startAt?: number;
  /** Its time: when that is over, it is ended, and `timedOut` is set. */
  readonly time?: AbortSignal;
}

/** A session under way. */
export interface Playing extends AsyncDisposable {
  /** Position in seconds; undefined before the first frame. */
  position(): Promise<number | undefined>;
  /** Seconds of media buffered ahead of the position; undefined where the player does not tell. */
  buffered(): Promise<number | undefined>;
  /** Undefined for players that cannot seek from outside. */
  readonly seek: ((seconds: number) => Promise<void>) | undefined;
  /** Resolves when the stream has ended, the player has given up, or time is over. Never rejects. */
  readonly done: Promise<PlayerReport>;
}

/** What a player did. */
export interface PlayerReport {
  /** The player reached the end of the stream by itself. */
  readonly ended: boolean;
  readonly timedOut: boolean;
  /** Errors that ended playback. */
  readonly fatal: readonly string[];
  /** Errors that the player told of and got over. */
  readonly retried: readonly string[];
  /** Times that the picture stood still for want of data after the first frame, seeks not counted. Undefined where the player does not tell. */
  readonly stalls:
    | readonly {
        /** Media time, in seconds. */
        readonly at: number;
        /** When it began, in milliseconds since 1970. */
        readonly when: number;
        readonly ms: number;
        /** Seconds that were buffered 1 s before it began. */
        readonly buffered: number | undefined;
      }[]
    | undefined;
  /** Frames of the stream that reached the screen (or, for players that decode at once, the output); `lost` are gaps in media time. */
  readonly frames: { readonly shown: number | undefined; readonly dropped: number | undefined };
  /** Spans of media time in seconds that were played, merged: `[[0, 60]]` is the whole. */
  readonly played: readonly (readonly [number, number])[] | undefined;
  /** From `play` to the first frame, in milliseconds. */
  readonly firstFrameMs: number | undefined;
  /** Media time at the end in seconds. */
  readonly endedAt: number | undefined;
}
