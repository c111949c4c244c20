import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Field, startFieldOn } from '../faults/kit.ts';
import { startTestBucket } from '../support/bucket.ts';
import { type FaultProxy, startFaultProxy } from '../support/proxy.ts';
import { until } from '../support/wait.ts';
import type { Player, PlayerReport, Playing, PlayOptions } from './player.ts';
import { type Answer, startTap, type Tap } from './tap.ts';

/** Frames a second of every video here. */
export const fps = 25;

/** What a scenario is played on: a stack, its bucket, and a hand on every way between them. */
export interface Stage extends AsyncDisposable {
  readonly field: Field;
  /** Between viewers and the bucket. */
  readonly cdn: Tap;
  /** Behind `cdn`, and can fail. */
  readonly bucketReads: FaultProxy;
  /** Makes a video nobody has made; each frame takes `ms` to draw. */
  post(seconds: number, ms: number, profile?: string): Promise<{ id: string; url: string }>;
  /**
   * Kills nodes with their disks, and freezes those that the stack starts instead: they answer nothing more.
   * @returns a function that ends that
   */
  bury(parts: readonly string[]): Promise<() => Promise<void>>;
  /** Starts a second playlist service on the port of the first, ends the first, and then the other way round. */
  restartPlaylists(): Promise<void>;
  /** Waits until both nodes are ready. */
  mended(): Promise<void>;
}

const nodesSchema = z.object({ nodes: z.array(z.object({ state: z.string() })) });

let seed = Math.floor(Math.random() * 1e6);

/** Starts a stage. */
export async function startStage(): Promise<Stage> {
  const bucket = await startTestBucket();
  const writes = await startFaultProxy(bucket.settings.endpoint);
  const { origin, pathname } = new URL(bucket.settings.publicUrl);
  const bucketReads = await startFaultProxy(origin);
  const cdn = await startTap(bucketReads.url);
  const field = await startFieldOn(bucket, writes, {
    env: {
      S3_PUBLIC_URL: `${cdn.url}${pathname.replace(/\/$/, '')}`,
      SEGUE_SHARE_PORT: 'on',
      SEGUE_MODULES: fileURLToPath(new URL('modules', import.meta.url)),
    },
  });
  return {
    field,
    cdn,
    bucketReads,
    post(seconds, ms, profile) {
      seed += 1;
      const description = {
        segue: 1,
        kind: 'module',
        module: 'paced',
        params: { ms },
        size: { width: 320, height: 180 },
        fps,
        duration: seconds,
        seed,
      };
      return field.post(description, profile);
    },
    async bury(parts) {
      const pids = await Promise.all(parts.map((part) => field.lose(part)));
      await Promise.all(parts.map((part, i) => field.stack.restarted(part, pids[i] ?? 0)));
      for (const part of parts) process.kill(field.stack.pidOf(part), 'SIGSTOP');
      return async () => {
        const frozen = parts.map((part) => field.stack.kill(part));
        await Promise.all(parts.map((part, i) => field.stack.restarted(part, frozen[i] ?? 0)));
      };
    },
    async restartPlaylists() {
      const first = field.stack.pidOf('playlists');
      const variables = readFileSync(`/proc/${first}/environ`, 'utf8')
        .split('\0')
        // The channel to the stack is the first one's.
        .filter((line) => !line.startsWith('NODE_CHANNEL'));
      const env = Object.fromEntries(variables.map((line) => line.split(/=(.*)/s, 2)));
      const second = spawn(process.execPath, ['src/cli/main.ts', 'playlists'], {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const exited = once(second, 'exit');
      await new Promise<void>((resolve) => {
        createInterface({ input: second.stderr }).on('line', (line) => {
          if (line.includes('"listening"')) resolve();
        });
      });
      process.kill(first, 'SIGTERM');
      // The stack starts another one in its place.
      await field.stack.restarted('playlists', first);
      // On a shared port anybody may answer for it: it is there when it says so itself.
      const listening = new RegExp(`"pid":${field.stack.pidOf('playlists')},[^\\n]*"listening"`);
      await until(() => listening.test(field.stack.log()), { what: 'the new one listens', timeout: 60_000 });
      second.kill('SIGTERM');
      await exited;
    },
    async mended() {
      await until(
        async () => {
          const answer = await fetch(`${field.stack.url}/v1/nodes`, {
            headers: { authorization: `Bearer ${field.stack.adminToken}` },
          });
          const { nodes } = nodesSchema.parse(await answer.json());
          return nodes.filter(({ state }) => state === 'ready').length === 2;
        },
        { what: 'both nodes are ready', timeout: 60_000 },
      );
    },
    async [Symbol.asyncDispose]() {
      await field[Symbol.asyncDispose]();
      for (const part of [cdn, bucketReads, writes, bucket]) await part[Symbol.asyncDispose]();
    },
  };
}

/** What one player did in one scenario. */
export interface Seen {
  readonly report: PlayerReport;
  /** Answers to its requests at the playlist service. Undefined where they were not watched. */
  readonly answers: readonly Answer[] | undefined;
  /** Where it was to begin, and where it was sent, in order: `at` is where it left. */
  readonly startAt: number;
  readonly sought: readonly { readonly at: number; readonly to: number }[];
  /** Where it was at the hard moment and how many seconds it had ahead; undefined where it does not tell. */
  readonly hard: Hard | undefined;
}

interface Hard {
  readonly position: number;
  readonly ahead: number;
}

/** A player that takes part. */
interface Member {
  readonly player: Player;
  readonly playing: Playing;
  readonly tap: Tap | undefined;
  readonly startAt: number;
  readonly sought: { at: number; to: number }[];
  over: boolean;
  hard: Hard | undefined;
}

/** All players of a scenario, playing the same video at once. */
export interface Cast {
  /** Waits until every player (that has not given up) is at this position. */
  past(seconds: number): Promise<void>;
  /** Sends everybody who can be sent elsewhere. */
  seek(seconds: number): Promise<void>;
  /** The hard moment is now: what everybody has buffered is written down. */
  mark(): Promise<void>;
  /** Waits for the end. */
  seen(): Promise<Map<string, Seen>>;
}

/** How long a session may take, in milliseconds. */
const sessionMs = 120_000;

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
      timeoutMs: sessionMs,
      ...how,
    });
    const member: Member = {
      player,
      playing,
      tap,
      startAt: how.startAt ?? 0,
      sought: [],
      over: false,
      hard: undefined,
    };
    void playing.done.then(() => {
      member.over = true;
    });
    return member;
  };
  const members = (await Promise.all(players.map(begin))).filter((member) => member !== undefined);
  return {
    async past(seconds) {
      for (const { player, playing, ...member } of members) {
        await until(
          async () =>
            members.find((one) => one.playing === playing)?.over === true ||
            ((await playing.position()) ?? -1) >= Math.max(seconds, member.startAt),
          { what: `${player.name} is at second ${seconds}`, timeout: sessionMs },
        );
      }
    },
    async seek(seconds) {
      for (const { playing, sought } of members) {
        if (playing.seek === undefined) continue;
        const at = (await playing.position()) ?? 0;
        sought.push({ at, to: seconds });
        await playing.seek(seconds).catch(() => undefined);
      }
    },
    async mark() {
      await Promise.all(
        members.map(async (member) => {
          const [position = 0, ahead] = await Promise.all([
            member.playing.position(),
            member.playing.buffered(),
          ]);
          member.hard = ahead === undefined ? undefined : { position, ahead };
        }),
      );
    },
    async seen() {
      const all = await Promise.all(
        members.map(async (member) => {
          const { player, playing, tap, startAt, sought } = member;
          const report = await playing.done;
          await playing[Symbol.asyncDispose]();
          const answers = tap && [...tap.answers];
          await tap?.[Symbol.asyncDispose]();
          return [player.name, { report, answers, startAt, sought, hard: member.hard }] as const;
        }),
      );
      return new Map(all);
    },
  };
}

/** Part of all processor time that was used between two calls, 0 to 1. */
export function processorUse(): () => number {
  const read = () => {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.trim().split(/\s+/) ?? [];
    const times = fields.map(Number);
    const total = times.reduce((sum, time) => sum + time, 0);
    return { total, idle: (times[3] ?? 0) + (times[4] ?? 0) };
  };
  const before = read();
  return () => {
    const now = read();
    return 1 - (now.idle - before.idle) / Math.max(1, now.total - before.total);
  };
}
