import { until } from '../support/wait.ts';
import type { Player, PlayerReport, Playing, PlayOptions } from './player.ts';
import { type Answer, startTap, type Tap } from './tap.ts';

/** What one player did in one scenario. */
export interface Seen {
  readonly report: PlayerReport;
  /** Answers to its requests at the playlist service. Undefined where they were not watched. */
  readonly answers: readonly Answer[] | undefined;
  /** Requests that it ended before their last byte. */
  readonly givenUp: readonly string[] | undefined;
  readonly startAt: number;
  /** Where it was sent, in order. */
  readonly sought: readonly Sought[];
  /** Seconds that it had ahead at the hard moment; undefined where it does not tell. */
  readonly ahead: number | undefined;
  /** When the hard moment was, in milliseconds since 1970. */
  readonly marked: number | undefined;
  readonly killed: Killed | undefined;
}

/** A seek that was commanded. */
interface Sought {
  /** Milliseconds since 1970. */
  readonly when: number;
  /** Where it left. */
  readonly at: number;
  readonly to: number;
}

/** The node that was killed. */
interface Killed {
  readonly when: number;
  readonly node: string;
}

/** A player that takes part. */
interface Member {
  readonly player: Player;
  readonly playing: Playing;
  readonly tap: Tap | undefined;
  readonly startAt: number;
  readonly sought: Sought[];
  over: boolean;
  ahead: number | undefined;
}

/** All players of a scenario, playing the same video at once. */
export interface Cast {
  /** Waits until every player (that has not given up, and that `waitsFor`) is at this position. */
  past(seconds: number, waitsFor?: (player: Player) => boolean): Promise<void>;
  /** Sends everybody who can be sent elsewhere. */
  seek(seconds: number): Promise<void>;
  /** The hard moment is now: what everybody has buffered is written down. */
  mark(): Promise<void>;
  /** This node is dead as of now. */
  lost(node: string): void;
  /** Waits until every player (that has not given up) has got an answer of this kind. */
  answered(what: string, look: (answer: Answer) => boolean): Promise<void>;
  /** Waits until every player but those that `mayHang` is over. */
  over(mayHang: (player: Player) => boolean): Promise<void>;
  /** Waits for the end. */
  seen(): Promise<Map<string, Seen>>;
}

/** How long a session may take, in milliseconds. */
export const sessionMs = 120_000;

/** Which players take part, and how. */
export interface CastOptions {
  /** Undefined: it does not take part. Default: everybody, from the start. */
  readonly options?: (player: Player) => PlayOptions | undefined;
  /** Whether what passes is written down; not where the way itself is to be refused. */
  readonly watched?: boolean;
}

/** Lets players play a URL, each through a tap of its own. */
export async function play(
  players: readonly Player[],
  url: string,
  { options = () => ({}), watched = true }: CastOptions = {},
): Promise<Cast> {
  const { origin, pathname, search } = new URL(url);
  const begin = async (player: Player): Promise<Member | undefined> => {
    const how = options(player);
    if (how === undefined) return undefined;
    const tap = watched ? await startTap(origin) : undefined;
    const playing = await player.play(`${tap?.url ?? origin}${pathname}${search}`, {
      time: AbortSignal.timeout(sessionMs),
      ...how,
    });
    const member: Member = {
      player,
      playing,
      tap,
      startAt: how.startAt ?? 0,
      sought: [],
      over: false,
      ahead: undefined,
    };
    void playing.done.then(() => {
      member.over = true;
    });
    return member;
  };
  const members = (await Promise.all(players.map(begin))).filter((member) => member !== undefined);
  const isOver = (playing: Playing): boolean => members.find((one) => one.playing === playing)?.over === true;
  const moments: { marked?: number; killed?: Killed } = {};
  return {
    async past(seconds, waitsFor = () => true) {
      for (const { player, playing, ...member } of members) {
        if (!waitsFor(player)) continue;
        await until(
          async () =>
            isOver(playing) || ((await playing.position()) ?? -1) >= Math.max(seconds, member.startAt),
          { what: `${player.name} is at second ${seconds}`, timeout: sessionMs },
        );
      }
    },
    async seek(seconds) {
      for (const { playing, sought } of members) {
        if (playing.seek === undefined) continue;
        const at = (await playing.position()) ?? 0;
        sought.push({ when: Date.now(), at, to: seconds });
        await playing.seek(seconds).catch(() => undefined);
      }
    },
    async mark() {
      moments.marked = Date.now();
      await Promise.all(
        members.map(async (member) => {
          member.ahead = await member.playing.buffered();
        }),
      );
    },
    lost(node) {
      moments.killed = { when: Date.now(), node };
    },
    async answered(what, look) {
      for (const { player, playing, tap } of members) {
        await until(() => isOver(playing) || tap === undefined || tap.answers.some(look), {
          what: `${player.name} ${what}`,
          timeout: 60_000,
        });
      }
    },
    async over(mayHang) {
      await Promise.all(members.filter(({ player }) => !mayHang(player)).map(({ playing }) => playing.done));
    },
    async seen() {
      const all = await Promise.all(
        members.map(async (member) => {
          const { player, playing, tap, startAt, sought, ahead } = member;
          const report = await playing.done;
          await playing[Symbol.asyncDispose]();
          const { marked, killed } = moments;
          const answers = tap && [...tap.answers];
          await tap?.[Symbol.asyncDispose]();
          const givenUp = tap?.givenUp;
          return [player.name, { report, answers, givenUp, startAt, sought, ahead, marked, killed }] as const;
        }),
      );
      return new Map(all);
    },
  };
}
